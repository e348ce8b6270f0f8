import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Builds a Go program of this repository once; RIALTO_ECHOSERVER names one that is already built. */
export class EchoServerBinary {
  private readonly directory = mkdtempSync(join(tmpdir(), "rialto-echo-"));
  readonly path: string;

  constructor() {
    const { RIALTO_ECHOSERVER } = process.env;
    this.path = RIALTO_ECHOSERVER ?? join(this.directory, "echoserver");
    if (!RIALTO_ECHOSERVER) {
      execFileSync("go", ["build", "-o", this.path, "./internal/e2e/echoserver"], {
        cwd: repository,
        stdio: "inherit",
      });
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** The program internal/e2e/echoserver: a real bridge with the EchoService. It ends with this process, or by `close`. */
export class EchoServer {
  readonly baseUrl: string;
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, address: string) {
    this.process = process;
    this.lines = lines;
    this.baseUrl = `http://${address}`;
  }

  static async start(binary: EchoServerBinary): Promise<EchoServer> {
    const process = spawn(binary.path, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface(process.stdout)[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new EchoServer(process, lines, value);
  }

  /** Tells the clients to go elsewhere. Resolves when their calls have ended. */
  async drain(): Promise<void> {
    this.process.stdin?.write("drain\n");
    await this.lines.next();
  }

  /** Ends without a word to anyone. */
  kill(): Promise<void> {
    return this.end(() => this.process.kill("SIGKILL"));
  }

  close(): Promise<void> {
    return this.end(() => this.process.stdin?.end());
  }

  private end(act: () => void): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return Promise.resolve();
    }
    const ended = new Promise<void>((resolve) => this.process.once("exit", () => resolve()));
    act();
    return ended;
  }
}
