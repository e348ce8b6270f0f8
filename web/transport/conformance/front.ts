import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The program internal/e2e/bridgefront: a bridge in front of each server under test. */
export class Front {
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly bridges = new Map<string, Promise<string>>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(path: string, descriptors: string, allowedOrigins: readonly string[]) {
    const process = spawn(path, [descriptors, ...allowedOrigins], { stdio: ["pipe", "pipe", "inherit"] });
    this.process = process;
    this.lines = createInterface(process.stdout)[Symbol.asyncIterator]();
  }

  /** Returns the base URL of the bridge in front of a server. */
  bridgeBefore(server: string): Promise<string> {
    const bridge = this.bridges.get(server) ?? this.add(server);
    this.bridges.set(server, bridge);
    return bridge;
  }

  /** How many servers there were. */
  get servers(): number {
    return this.bridges.size;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin?.end();
    await ended;
  }

  // The program answers in the order it is asked.
  private add(server: string): Promise<string> {
    const bridge = this.last.then(async () => {
      this.process.stdin?.write(`${server}\n`);
      return `http://${(await this.lines.next()).value}`;
    });
    this.last = bridge;
    return bridge;
  }
}
