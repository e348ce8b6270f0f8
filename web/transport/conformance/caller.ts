import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createWebSocketTransport, type WebSocketConstructor, type WebSocketTransport } from "../src/index.js";
import { type ClientCompatRequest, CompatProtos, compressionGzip } from "./compat.js";
import { invoke } from "./invoke.js";

/**
 * The client under test, in Node or in a page: it makes the calls that the suite asks for, over one connection for each server and
 * compression.
 */
export class Caller {
  private readonly protos: CompatProtos;
  private readonly WebSocket: WebSocketConstructor;
  private readonly transports = new Map<string, Promise<WebSocketTransport>>();

  /** Takes the descriptors of the suite's protos. */
  constructor(descriptors: Uint8Array, WebSocket: WebSocketConstructor) {
    this.protos = new CompatProtos(descriptors);
    this.WebSocket = WebSocket;
  }

  /** Makes the call that an encoded ClientCompatRequest describes; resolves with an encoded ClientCompatResponse. */
  async answer(baseUrl: string, encoded: Uint8Array): Promise<Uint8Array> {
    const request = fromBinary(this.protos.request, encoded) as ClientCompatRequest;
    const { testName } = request;
    let result: unknown;
    try {
      const transport = await this.transportFor(baseUrl, request);
      result = { case: "response", value: await invoke(this.protos, transport, request) };
    } catch (reason) {
      result = { case: "error", value: { message: String(reason) } };
    }
    return toBinary(this.protos.response, create(this.protos.response, { testName, result } as never));
  }

  /** How many connections there are. */
  get connections(): number {
    return this.transports.size;
  }

  async close(): Promise<void> {
    for (const transport of this.transports.values()) {
      (await transport).close();
    }
  }

  private transportFor(baseUrl: string, { compression, messageReceiveLimit }: ClientCompatRequest) {
    const key = [baseUrl, compression, messageReceiveLimit].join();
    const transport = this.transports.get(key) ?? this.connect(baseUrl, compression, messageReceiveLimit);
    this.transports.set(key, transport);
    return transport;
  }

  private async connect(baseUrl: string, compression: number, readMaxBytes: number): Promise<WebSocketTransport> {
    const transport = createWebSocketTransport({
      baseUrl,
      WebSocket: this.WebSocket,
      compression: compression === compressionGzip ? "gzip" : "identity",
      compressMinBytes: 0,
      ...(readMaxBytes > 0 && { readMaxBytes }),
    });
    await transport.connect();
    return transport;
  }
}
