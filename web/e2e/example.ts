// What the tests in examples/ need. They lie outside web/, where Node does not find its packages; so all comes from here.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type { Browser, BrowserContext, Page } from "playwright-core";
export { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
export { keep, launch, open } from "./browser.js";
export { RialtoServer } from "./server.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A program of examples/, built from its sources, on a free port. */
export class Example {
  private readonly directory = mkdtempSync(join(tmpdir(), "rialto-example-"));
  private process: ChildProcess | undefined;
  private address = "127.0.0.1:0";

  private readonly name: string;
  private readonly flags: readonly string[];

  private constructor(name: string, flags: readonly string[]) {
    this.name = name;
    this.flags = flags;
    execFileSync("go", ["build", "-o", this.binary, `./examples/${name}`], { cwd: repository, stdio: "inherit" });
  }

  /** Builds and starts an example. Whoever calls it calls `close` in the end. */
  static async start(name: string, ...flags: string[]): Promise<Example> {
    const example = new Example(name, flags);
    await example.restart();
    return example;
  }

  private get binary(): string {
    return join(this.directory, this.name);
  }

  /** Where its page is: `http://127.0.0.1:…`. */
  get url(): string {
    return `http://${this.address}`;
  }

  /** Starts it, on the same port as before. */
  async restart(): Promise<void> {
    await this.kill();
    const child = spawn(this.binary, ["-http", this.address, ...this.flags], {
      cwd: repository,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.process = child;
    // A test run that is broken off leaves nothing behind.
    const orphaned = () => child.kill("SIGKILL");
    process.once("exit", orphaned);
    child.once("exit", () => process.off("exit", orphaned));
    const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
    const exit = once(child, "exit").then(() => Promise.reject(new Error(`examples/${this.name} did not start`)));
    exit.catch(() => undefined); // it ends some time, which is no error then
    const [url] = await Promise.race([line, exit]);
    this.address = new URL(url).host;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  /** Ends it and removes what was built. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
