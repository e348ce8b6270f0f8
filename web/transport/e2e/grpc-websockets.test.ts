import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type BytesValue, BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { grpc } from "@improbable-eng/grpc-web";
import { ClientError, createChannel, createClient, Metadata, Status, WebsocketTransport } from "nice-grpc-web";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { EchoServer, EchoServerBinary } from "./echo-server.js";

// The two clients that others maintain, or still use, for the subprotocol grpc-websockets, against the bridge.

let binary: EchoServerBinary;
let server: EchoServer;

beforeAll(async () => {
  binary = new EchoServerBinary();
  server = await EchoServer.start(binary);
});

afterAll(async () => {
  await server.close();
  binary.remove();
  vi.unstubAllGlobals();
});

const service = "rialto.e2e.EchoService";

function message(text: string): BytesValue {
  return create(BytesValueSchema, { value: new TextEncoder().encode(text) });
}

function textOf(m: BytesValue): string {
  return new TextDecoder().decode(m.value);
}

async function* many(...texts: string[]): AsyncGenerator<BytesValue> {
  for (const text of texts) {
    yield message(text);
  }
}

async function collect(answers: AsyncIterable<BytesValue>): Promise<string[]> {
  const texts: string[] = [];
  for await (const answer of answers) {
    texts.push(textOf(answer));
  }
  return texts;
}

describe("nice-grpc-web", () => {
  const type = {
    encode: (m: BytesValue) => ({ finish: () => toBinary(BytesValueSchema, m) }),
    decode: (data: Uint8Array) => fromBinary(BytesValueSchema, data),
    fromPartial: (m: BytesValue) => m,
  };
  const method = <Q extends boolean, S extends boolean>(name: string, requestStream: Q, responseStream: S) =>
    ({ name, requestType: type, requestStream, responseType: type, responseStream, options: {} }) as const;
  const definition = {
    name: "EchoService",
    fullName: service,
    methods: {
      unary: method("Unary", false, false),
      serverStream: method("ServerStream", false, true),
      clientStream: method("ClientStream", true, false),
      bidi: method("Bidi", true, true),
    },
  } as const;
  const connect = () => createClient(definition, createChannel(server.baseUrl, WebsocketTransport()));

  test("unary, with headers and trailers", async () => {
    let header: Metadata | undefined;
    let trailer: Metadata | undefined;
    const answer = await connect().unary(message("hello"), {
      metadata: Metadata({ "x-echo": "a", "x-echo-bin": [Uint8Array.of(0, 255)] }),
      onHeader: (md) => {
        header = md;
      },
      onTrailer: (md) => {
        trailer = md;
      },
    });
    expect(textOf(answer)).toBe("hello");
    expect(header?.get("x-echo")).toBe("a");
    expect(trailer?.get("x-echo-bin")).toEqual(Uint8Array.of(0, 255));
  });

  test("server streaming", async () => {
    const answers = connect().serverStream(message("again"), { metadata: Metadata({ "x-count": "3" }) });
    expect(await collect(answers)).toEqual(["again", "again", "again"]);
  });

  test("client streaming", async () => {
    expect(textOf(await connect().clientStream(many("a", "", "bc")))).toBe("abc");
  });

  test("bidi, each message after the answer to the one before", async () => {
    let answered: () => void = () => {};
    async function* requests(): AsyncGenerator<BytesValue> {
      for (const text of ["a", "", "b".repeat(200_000)]) {
        const next = new Promise<void>((resolve) => {
          answered = resolve;
        });
        yield message(text);
        await next;
      }
    }
    const lengths: number[] = [];
    for await (const answer of connect().bidi(requests())) {
      lengths.push(answer.value.length);
      answered();
    }
    expect(lengths).toEqual([1, 0, 200_000]);
  });

  test("an error is the server's status", async () => {
    const call = connect().unary(message(""), { metadata: Metadata({ "x-fail": "9" }) });
    await expect(call).rejects.toEqual(
      new ClientError(`/${service}/Unary`, Status.FAILED_PRECONDITION, "asked to fail: €"),
    );
  });

  test("an abort cancels the call on the server", async () => {
    const running = async (): Promise<string | undefined> => {
      let header: Metadata | undefined;
      await connect().unary(message(""), {
        onHeader: (md) => {
          header = md;
        },
      });
      return header?.get("x-running");
    };
    const controller = new AbortController();
    const call = connect().unary(message(""), { metadata: Metadata({ "x-wait": "1" }), signal: controller.signal });
    const outcome = expect(call).rejects.toThrow("aborted");
    await vi.waitFor(async () => expect(await running()).toBe("1"));
    controller.abort();
    await outcome;
    await vi.waitFor(async () => expect(await running()).toBe("0"));
  });
});

describe("@improbable-eng/grpc-web", () => {
  /** What its generated code would be. */
  class Bytes implements grpc.ProtobufMessage {
    readonly value: BytesValue;
    constructor(value: BytesValue = message("")) {
      this.value = value;
    }
    static deserializeBinary(data: Uint8Array): Bytes {
      return new Bytes(fromBinary(BytesValueSchema, data));
    }
    serializeBinary(): Uint8Array {
      return toBinary(BytesValueSchema, this.value);
    }
    toObject(): object {
      return this.value;
    }
  }

  interface Outcome {
    code: grpc.Code;
    message: string;
    texts: string[];
    headers: grpc.Metadata | undefined;
    trailers: grpc.Metadata;
  }

  async function call(
    methodName: string,
    requestStream: boolean,
    responseStream: boolean,
    requests: string[],
    metadata: Record<string, string> = {},
  ): Promise<Outcome> {
    vi.stubGlobal("WebSocket", WebSocket); // Node 20 has none of its own
    const client = grpc.client<Bytes, Bytes, grpc.MethodDefinition<Bytes, Bytes>>(
      {
        methodName,
        service: { serviceName: service },
        requestStream,
        responseStream,
        requestType: Bytes,
        responseType: Bytes,
      },
      { host: server.baseUrl, transport: grpc.WebsocketTransport() },
    );
    const texts: string[] = [];
    let headers: grpc.Metadata | undefined;
    return await new Promise((resolve) => {
      client.onHeaders((md) => {
        headers = md;
      });
      client.onMessage((m) => {
        texts.push(textOf(m.value));
      });
      client.onEnd((code, text, trailers) => resolve({ code, message: text, texts, headers, trailers }));
      client.start(new grpc.Metadata(metadata));
      for (const request of requests) {
        client.send(new Bytes(message(request)));
      }
      client.finishSend();
    });
  }

  test("unary, with headers and trailers", async () => {
    const got = await call("Unary", false, false, ["hello"], { "x-echo": "a" });
    expect(got).toMatchObject({ code: grpc.Code.OK, texts: ["hello"] });
    expect(got.headers?.get("x-echo")).toEqual(["a"]);
    expect(got.trailers.get("x-echo")).toEqual(["a"]);
  });

  test("server streaming", async () => {
    const got = await call("ServerStream", false, true, ["again"], { "x-count": "3" });
    expect(got).toMatchObject({ code: grpc.Code.OK, texts: ["again", "again", "again"] });
  });

  test("client streaming", async () => {
    const got = await call("ClientStream", true, false, ["a", "", "bc"]);
    expect(got).toMatchObject({ code: grpc.Code.OK, texts: ["abc"] });
  });

  test("bidi", async () => {
    const got = await call("Bidi", true, true, ["a", "", "b".repeat(200_000)]);
    expect(got.code).toBe(grpc.Code.OK);
    expect(got.texts.map((text) => text.length)).toEqual([1, 0, 200_000]);
  });

  test("an error is the server's status", async () => {
    expect(await call("Unary", false, false, [""], { "x-fail": "9" })).toMatchObject({
      code: grpc.Code.FailedPrecondition,
      message: "asked to fail: €",
    });
  });

  test("an unknown method is UNIMPLEMENTED, not a socket that closes", async () => {
    expect(await call("Nothing", false, false, [""])).toMatchObject({ code: grpc.Code.Unimplemented });
  });
});
