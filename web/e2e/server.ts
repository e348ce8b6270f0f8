import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The real server, as users run it, on free ports and with a data directory of its own. It is built from the sources,
 * unless RIALTO_BINARY names one that is there.
 */
export class RialtoServer {
  private readonly directory = mkdtempSync(join(tmpdir(), "rialto-e2e-"));
  private readonly binary: string;
  private process: ChildProcess | undefined;
  private log = "";
  private addresses: { http: string; grpc: string } = { http: "127.0.0.1:0", grpc: "127.0.0.1:0" };

  private constructor() {
    const { RIALTO_BINARY } = process.env;
    this.binary = RIALTO_BINARY ?? join(this.directory, "rialto");
    if (!existsSync(this.binary)) {
      execFileSync("go", ["build", "-o", this.binary, "./cmd/rialto"], { cwd: repository, stdio: "inherit" });
    }
  }

  /** Builds and starts a server. Whoever calls it calls `close` in the end. */
  static async start(): Promise<RialtoServer> {
    const server = new RialtoServer();
    await server.restart();
    return server;
  }

  /** Where pages are: `http://127.0.0.1:…`. */
  get url(): string {
    return `http://${this.addresses.http}`;
  }

  /** What a ChatClient takes as its baseUrl. */
  get webSocketUrl(): string {
    return `ws://${this.addresses.http}`;
  }

  /** Where native gRPC clients connect: `127.0.0.1:…`. */
  get grpcAddress(): string {
    return this.addresses.grpc;
  }

  /** The path of the program that runs. */
  get program(): string {
    return this.binary;
  }

  /** A directory that lasts as long as the server's data. */
  get scratch(): string {
    return this.directory;
  }

  /** Ends the server as a crash does, with SIGKILL. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Asks the server to drain and end, with SIGTERM. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** Starts the server on the same data and the same ports, after a crash if it still runs. Resolves once it answers. */
  async restart(): Promise<void> {
    await this.kill();
    const portFile = join(this.directory, "ports.json");
    rmSync(portFile, { force: true });
    const { http, grpc } = this.addresses;
    const data = join(this.directory, "data");
    const child = spawn(
      this.binary,
      [
        ...["serve", "--http", http, "--grpc", grpc, "--admin", "127.0.0.1:0", "--data", data, "--port-file", portFile],
        // Tests write as fast as they can, and all come from one address.
        ...["--connection-commands=0", "--user-writes=0", "--room-writes=0", "--address-writes=0", "--user-rooms=0"],
        ...["--address-rooms=0", "--address-guests=0", "--address-connections=0"],
      ],
      { cwd: this.directory, stdio: ["ignore", "pipe", "pipe"] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.log = (this.log + chunk.toString()).slice(-20_000);
      });
    }
    this.process = child;
    // A test run that is broken off leaves no server behind.
    const orphaned = () => child.kill("SIGKILL");
    process.once("exit", orphaned);
    child.once("exit", () => process.off("exit", orphaned));
    const deadline = Date.now() + 30_000;
    while (!existsSync(portFile)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`rialto serve did not start:\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.addresses = JSON.parse(readFileSync(portFile, "utf8")) as { http: string; grpc: string };
  }

  /** Ends the server and removes all it wrote. */
  async close(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }
}
