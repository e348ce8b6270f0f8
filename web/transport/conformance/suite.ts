import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { type ClientCompatRequest, CompatProtos } from "./compat.js";
import { Front } from "./front.js";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const module = "connectrpc.com/conformance";

/** How many calls run at once. */
const parallel = 32;

/** The program that the suite starts as the client: it only connects the suite with this process, where the client is. */
const relay = `
  const socket = require("node:net").connect(process.argv[1]);
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
`;

/** A client under test. */
export interface CompatClient {
  /** Where the page is from in which it runs, if it runs in one. */
  readonly origin?: string;
  /** Makes the call that an encoded ClientCompatRequest describes, over a bridge; resolves with the response, encoded. */
  answer(baseUrl: string, request: Uint8Array): Promise<Uint8Array>;
}

/** What the suite said in the end. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly servers: number;
  readonly report: string;
}

/** The programs of connectrpc.com/conformance, pinned in tools/conformance.mod, and the descriptors of its protos. */
export class ConformanceSuite {
  /** An encoded google.protobuf.FileDescriptorSet. */
  readonly descriptors: Uint8Array;
  private readonly directory = mkdtempSync(join(tmpdir(), "rialto-conformance-"));

  /** Builds the programs, which takes a while the first time. */
  constructor() {
    const pin = "-modfile=tools/conformance.mod";
    go("build", pin, "-o", this.path("connectconformance"), `${module}/cmd/connectconformance`);
    go("build", "-o", this.path("bridgefront"), "./internal/e2e/bridgefront");
    const { Dir } = JSON.parse(go("list", pin, "-m", "-json", module));
    go("tool", "-modfile=tools/buf.mod", "buf", "build", join(Dir, "proto"), "-o", this.path("descriptors.binpb"));
    this.descriptors = readFileSync(this.path("descriptors.binpb"));
  }

  /** Runs all cases of a configuration, in the suite's YAML, against a client. */
  async run(configuration: string, client: CompatClient): Promise<Totals> {
    const front = new Front(
      this.path("bridgefront"),
      this.path("descriptors.binpb"),
      client.origin ? [client.origin] : [],
    );
    const protos = new CompatProtos(this.descriptors);
    const server = await listen(this.path("client.sock"), async (encoded) => {
      const { host, port } = fromBinary(protos.request, encoded) as ClientCompatRequest;
      return client.answer(await front.bridgeBefore(`${host}:${port}`), encoded);
    });
    try {
      const report = await this.report(configuration);
      const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(report) ?? [];
      return { passed: Number(passed), failed: Number(failed), servers: front.servers, report };
    } finally {
      server.close();
      await front.close();
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  private async report(configuration: string): Promise<string> {
    writeFileSync(this.path("configuration.yaml"), configuration);
    const client = [process.execPath, "-e", relay, this.path("client.sock")];
    const args = ["--mode", "client", "--conf", this.path("configuration.yaml"), "--", ...client];
    const runner = spawn(this.path("connectconformance"), args, { stdio: ["ignore", "pipe", "pipe"] });
    let report = "";
    for (const output of [runner.stdout, runner.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        report += text;
      });
    }
    await new Promise((resolve) => runner.once("close", resolve));
    return report;
  }

  private path(name: string): string {
    return join(this.directory, name);
  }
}

function go(...args: readonly string[]): string {
  return execFileSync("go", args, { cwd: repository, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Answers requests on a Unix socket; each, and each response, follows its length. */
function listen(path: string, answer: (request: Uint8Array) => Promise<Uint8Array>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket, answer));
  return new Promise((resolve) => {
    server.listen(path, () => resolve(server));
  });
}

async function serve(socket: Socket, answer: (request: Uint8Array) => Promise<Uint8Array>): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const request of requestsOf(socket)) {
    const call = answer(request)
      .then((response) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(response.length);
        socket.write(Buffer.concat([length, response]));
      })
      .finally(() => running.delete(call));
    running.add(call);
    if (running.size >= parallel) {
      await Promise.race(running);
    }
  }
  await Promise.all(running);
  socket.end();
}

async function* requestsOf(socket: Socket): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE(0)) {
      const end = 4 + buffer.readUInt32BE(0);
      yield buffer.subarray(4, end);
      buffer = buffer.subarray(end);
    }
  }
}
