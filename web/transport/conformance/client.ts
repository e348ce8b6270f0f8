import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { createWebSocketTransport, type WebSocketTransport } from "../src/index.js";
import { type ClientCompatRequest, CompatProtos, compressionGzip } from "./compat.js";
import { invoke } from "./invoke.js";

// The client under test in Node. connectconformance starts it with: the program internal/e2e/bridgefront, the file with the
// suite's descriptors. It writes requests to standard input and reads responses from standard output, each behind its length.

/** How many calls share the sockets at once. */
const parallel = 32;

const [frontPath = "", descriptorsPath = ""] = process.argv.slice(2);
const protos = new CompatProtos(readFileSync(descriptorsPath));

const front = spawn(frontPath, [descriptorsPath], {
  stdio: ["pipe", "pipe", "inherit"],
});
const bridges = createInterface(front.stdout)[Symbol.asyncIterator]();
let lastBridge: Promise<unknown> = Promise.resolve();

/** Returns the base URL of a new bridge in front of a server; the program answers in the order it is asked. */
function bridgeBefore(server: string): Promise<string> {
  const bridge = lastBridge.then(async () => {
    front.stdin.write(`${server}\n`);
    return `http://${(await bridges.next()).value}`;
  });
  lastBridge = bridge;
  return bridge;
}

const transports = new Map<string, Promise<WebSocketTransport>>();

/** Returns the one transport for a server and what the calls ask of it, connected. */
function transportFor({
  host,
  port,
  compression,
  messageReceiveLimit,
}: ClientCompatRequest): Promise<WebSocketTransport> {
  const key = [host, port, compression, messageReceiveLimit].join();
  const transport = transports.get(key) ?? connect(`${host}:${port}`, compression, messageReceiveLimit);
  transports.set(key, transport);
  return transport;
}

async function connect(server: string, compression: number, readMaxBytes: number): Promise<WebSocketTransport> {
  const transport = createWebSocketTransport({
    baseUrl: await bridgeBefore(server),
    WebSocket,
    compression: compression === compressionGzip ? "gzip" : "identity",
    compressMinBytes: 0,
    ...(readMaxBytes > 0 && { readMaxBytes }),
  });
  await transport.connect();
  return transport;
}

async function answer(encoded: Uint8Array): Promise<void> {
  const request = fromBinary(protos.request, encoded) as ClientCompatRequest;
  const { testName } = request;
  let result: unknown;
  try {
    result = { case: "response", value: await invoke(protos, await transportFor(request), request) };
  } catch (reason) {
    result = { case: "error", value: { message: String(reason) } };
  }
  const response = toBinary(protos.response, create(protos.response, { testName, result } as never));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  process.stdout.write(Buffer.concat([length, response]));
}

/** Yields the requests as they come. */
async function* requests(): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE(0)) {
      const end = 4 + buffer.readUInt32BE(0);
      yield buffer.subarray(4, end);
      buffer = buffer.subarray(end);
    }
  }
}

const running = new Set<Promise<void>>();
for await (const request of requests()) {
  const call = answer(request).finally(() => running.delete(call));
  running.add(call);
  if (running.size >= parallel) {
    await Promise.race(running);
  }
}
await Promise.all(running);
for (const transport of await Promise.all(transports.values())) {
  transport.close();
}
front.stdin.end();
