import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { launch } from "./browser.js";
import { bundle } from "./bundle.js";
import { type Observed, type Observer, observe } from "./observer.js";
import { RialtoServer } from "./server.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const kills = Number(process.env["RIALTO_E2E_KILLS"] ?? 20);

let server: RialtoServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** What crashload did and saw, in a run in which it found no promise broken. */
interface Report {
  readonly acked: number;
  readonly retries: number;
  readonly repeated: number;
  readonly resumed: number;
  readonly reset: number;
  readonly pages: number;
  readonly messages: readonly Observed[];
}

/** 50 publishers and 9 readers of three kinds over native gRPC; a checker judges at the end what they were told and shown. */
class Load {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly ended: Promise<number | null>;
  private output = "";
  private errors = "";

  constructor() {
    const args = ["--grpc", server.grpcAddress, "--room", "crash", "--limit", "30m"];
    this.process = spawn("go", ["run", "./internal/e2e/crashload", ...args], { cwd: repository });
    this.process.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.process.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
  }

  /** Tells it that the server was killed just now. */
  killed(): void {
    this.process.stdin.write("killed\n");
  }

  async finish(): Promise<Report> {
    this.process.stdin.end();
    const code = await this.ended;
    expect(this.errors).toBe("");
    expect(code).toBe(0);
    return JSON.parse(this.output) as Report;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test(
  `after ${kills} times kill -9 under load, everybody has the same list and nothing acknowledged is lost`,
  async () => {
    // Somebody with the SDK in Node, and somebody with it in Chromium, both there before the first message.
    const inNode: Observer = observe("crash", {
      baseUrl: server.webSocketUrl,
      WebSocket,
    });
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${server.url}/examples/bare.html`);
    await page.addScriptTag({ content: await bundle("observer.ts") });
    await page.evaluate(() => {
      const scope = globalThis as unknown as { observe: typeof observe; observer: Observer };
      scope.observer = scope.observe("crash");
    });
    const inPage = {
      messages: () => page.evaluate(() => (globalThis as unknown as { observer: Observer }).observer.messages()),
      loadAll: () => page.evaluate(() => (globalThis as unknown as { observer: Observer }).observer.loadAll()),
    };

    const load = new Load();
    await expect.poll(() => inNode.messages().length, { timeout: 60_000 }).toBeGreaterThan(50);
    for (let n = 0; n < kills; n++) {
      await pause(300 + Math.random() * 700);
      await server.kill();
      load.killed();
      await server.restart();
    }
    await pause(1000);
    const report = await load.finish();

    expect(report.acked).toBeGreaterThan(50 * kills);
    expect(report.retries).toBeGreaterThan(0);
    expect(report.resumed).toBeGreaterThan(kills);
    expect(report.pages).toBeGreaterThan(kills);
    const { acked, retries, repeated, resumed, reset, pages } = report;
    console.log(
      `${kills} kills, ${acked} acknowledged, ${retries} tries without an answer, ${repeated} of them stored; ` +
        `${resumed} resumes, ${reset} resets, ${pages} pages`,
    );
    const last = report.messages.at(-1)?.seq;
    for (const observer of [inNode, inPage]) {
      await expect.poll(async () => (await observer.messages()).at(-1)?.seq, { timeout: 60_000 }).toBe(last);
      await observer.loadAll();
      expect(await observer.messages()).toEqual(report.messages);
    }
    inNode.close();
  },
  60_000 + kills * 10_000,
);
