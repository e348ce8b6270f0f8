import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createContextKey, createContextValues, type Interceptor } from "@connectrpc/connect";
import { ResetSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { describe, expect, test, vi } from "vitest";
import { Flag, FrameType } from "../src/frame.js";
import { collect, errorOf, fakeTime, harness, Source } from "./harness.js";
import { bytesValue, settle } from "./scripted-server.js";

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

describe("a unary call", () => {
  test("is one frame behind SETTINGS, before the server has said anything", async () => {
    const { client, dialled } = harness();
    const answer = client.unary({ value: one });
    const server = await dialled();
    expect(server.url).toBe("ws://localhost:8080/rialto");
    expect(server.protocols).toEqual(["rialto.v1"]);
    expect(server.binaryType).toBe("arraybuffer");

    server.accept();
    server.take(FrameType.Settings);
    const { id, open, message, flags } = server.takeOpen();
    expect(id).toBe(1);
    expect(flags).toBe(Flag.Inline | Flag.EndSend);
    expect(open.method).toBe("/rialto.e2e.EchoService/Unary");
    expect(open.timeoutNs).toBeUndefined();
    expect(message).toEqual(bytesValue(one));

    server.settings();
    server.headers(id);
    server.message(id, two);
    server.end(id);
    expect((await answer).value).toEqual(two);
    expect(server.received).toEqual([]);
  });

  test("has headers and trailers, text and binary", async () => {
    const { client, dialled } = harness();
    const header = vi.fn();
    const trailer = vi.fn();
    const answer = client.unary(
      { value: one },
      {
        headers: { "X-Trace": "a", "key-bin": "AAE, /w", "content-type": "x/y" },
        onHeader: header,
        onTrailer: trailer,
      },
    );
    const server = await dialled();
    server.acceptWithSettings();
    const { id, open } = server.takeOpen();
    expect(open.metadata.map(({ key, value }) => [key, value.value])).toEqual([
      ["key-bin", Uint8Array.of(0, 1)],
      ["key-bin", Uint8Array.of(255)],
      ["x-trace", "a"],
    ]);
    server.headers(id, { metadata: [{ key: "served-by", value: { case: "text", value: "b" } }] });
    server.message(id, two);
    server.end(id, {
      metadata: [
        { key: "cost", value: { case: "text", value: "1" } },
        { key: "cost", value: { case: "text", value: "2" } },
        { key: "sum-bin", value: { case: "binary", value: Uint8Array.of(0, 1) } },
      ],
    });
    await answer;
    expect([...(header.mock.calls[0]?.[0] ?? [])]).toEqual([["served-by", "b"]]);
    expect([...(trailer.mock.calls[0]?.[0] ?? [])]).toEqual([
      ["cost", "1, 2"],
      ["sum-bin", "AAE"],
    ]);
  });

  test("fails with the status, its details, and headers and trailers as metadata", async () => {
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    server.headers(1, { metadata: [{ key: "a", value: { case: "text", value: "1" } }] });
    const detail = create(StringValueSchema, { value: "why" });
    server.end(1, {
      status: { code: Code.NotFound, message: "no such room", details: [anyPack(StringValueSchema, detail)] },
      metadata: [{ key: "b", value: { case: "text", value: "2" } }],
    });
    const { code, rawMessage, metadata, details } = await error;
    expect(code).toBe(Code.NotFound);
    expect(rawMessage).toBe("no such room");
    expect([...metadata]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(details).toEqual([{ type: "google.protobuf.StringValue", value: toBinary(StringValueSchema, detail) }]);
    expect((await error).findDetails(StringValueSchema)).toEqual([detail]);
  });

  test.each([
    ["no message", 0],
    ["two messages", 2],
  ])("with OK and %s is UNIMPLEMENTED", async (_name, count) => {
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    for (let i = 0; i < count; i++) {
      server.message(1, two);
    }
    server.end(1);
    expect((await error).code).toBe(Code.Unimplemented);
  });

  test.each([17, 99, -1])("with the undefined status code %d is UNKNOWN", async (code) => {
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    server.end(1, { status: { code, message: "odd" } });
    expect((await error).code).toBe(Code.Unknown);
  });

  test("tells the server its timeout, less what it waited for the connection, and ends by itself", async () => {
    fakeTime();
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value: one }, { timeoutMs: 1000 }));
    const server = await dialled();
    await vi.advanceTimersByTimeAsync(200);
    server.acceptWithSettings();
    const { open } = server.takeOpen();
    expect(Number(open.timeoutNs)).toBe(800e6);
    await vi.advanceTimersByTimeAsync(800);
    expect((await error).code).toBe(Code.DeadlineExceeded);
    expect(server.takePayload(FrameType.Reset, ResetSchema).code).toBe(Code.DeadlineExceeded);
  });

  test("that is aborted is reset, and its late answer dropped", async () => {
    const { client, dialled } = harness();
    const abort = new AbortController();
    const error = errorOf(client.unary({ value: one }, { signal: abort.signal }));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    abort.abort();
    expect((await error).code).toBe(Code.Canceled);
    expect(server.takePayload(FrameType.Reset, ResetSchema).code).toBe(Code.Canceled);
    server.headers(1);
    server.message(1, two);
    server.end(1);
    expect(server.closedWith).toBeUndefined();
    expect(server.received).toEqual([]);
  });

  test("that is aborted before it was opened never is", async () => {
    const { client, dialled } = harness();
    const abort = new AbortController();
    const error = errorOf(client.unary({ value: one }, { signal: abort.signal }));
    const server = await dialled();
    abort.abort();
    expect((await error).code).toBe(Code.Canceled);
    server.acceptWithSettings();
    expect(server.received).toEqual([]);
  });

  test("goes through interceptors, which see the request before it is encoded", async () => {
    const key = createContextKey("none");
    const seen: string[] = [];
    const outer: Interceptor = (next) => async (req) => {
      seen.push(`outer ${req.url} ${req.contextValues.get(key)}`);
      req.header.set("x-outer", "1");
      const res = await next(req);
      seen.push(`outer ${res.header.get("x-server")}`);
      return res;
    };
    const inner: Interceptor = (next) => (req) => {
      seen.push(`inner ${req.header.get("x-outer")}`);
      return next(req);
    };
    const { client, dialled } = harness({ interceptors: [outer, inner] });
    const answer = client.unary({ value: one }, { contextValues: createContextValues().set(key, "ctx") });
    const server = await dialled();
    server.acceptWithSettings();
    server.headers(1, { metadata: [{ key: "x-server", value: { case: "text", value: "s" } }] });
    server.message(1, two);
    server.end(1);
    await answer;
    expect(seen).toEqual(["outer http://localhost:8080/rialto.e2e.EchoService/Unary ctx", "inner 1", "outer s"]);
  });

  test.each([
    ["text that is not ASCII", { "x-name": "Zo\u00eb" }],
    ["binary that is not base64", { "x-bin": "%%%" }],
    ["a key with a character that gRPC has not", { "x!": "a" }],
  ])("with %s is INVALID_ARGUMENT and never sent", async (_name, headers) => {
    const { client, servers } = harness();
    expect((await errorOf(client.unary({ value: one }, { headers }))).code).toBe(Code.InvalidArgument);
    expect(servers).toEqual([]);
  });

  test("with more metadata than the server takes is RESOURCE_EXHAUSTED and never sent", async () => {
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value: one }, { headers: { "x-long": "a".repeat(9000) } }));
    const server = await dialled();
    server.acceptWithSettings();
    expect((await error).code).toBe(Code.ResourceExhausted);
    expect(server.received).toEqual([]);
  });

  test("with more metadata than every server takes waits for what this one says", async () => {
    const { client, dialled } = harness();
    const answer = client.unary({ value: one }, { headers: { "x-long": "a".repeat(9000) } });
    const server = await dialled();
    server.accept();
    server.take(FrameType.Settings);
    expect(server.received).toEqual([]);
    server.settings({ maxMetadataBytes: 16_384 });
    await settle();
    server.takeOpen();
    server.message(1, two);
    server.end(1);
    await answer;
  });

  test("whose message is over writeMaxBytes is RESOURCE_EXHAUSTED", async () => {
    const { client } = harness({ writeMaxBytes: 10 });
    expect((await errorOf(client.unary({ value: new Uint8Array(11) }))).code).toBe(Code.ResourceExhausted);
  });

  test("whose answer is over readMaxBytes is RESOURCE_EXHAUSTED and reset", async () => {
    const { client, dialled } = harness({ readMaxBytes: 100 });
    const error = errorOf(client.unary({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.headers(1);
    await settle();
    server.data(1, new Uint8Array(101), Flag.More);
    expect((await error).code).toBe(Code.ResourceExhausted);
    expect(server.takePayload(FrameType.Reset, ResetSchema).code).toBe(Code.ResourceExhausted);
  });
});

test("a compressed message in a call without an encoding is INTERNAL", async () => {
  const { client, dialled } = harness();
  const error = errorOf(client.unary({ value: one }));
  const server = await dialled();
  server.acceptWithSettings({ encodings: ["gzip"] });
  server.takeOpen();
  server.headers(1);
  server.data(1, two, Flag.Compressed);
  expect((await error).code).toBe(Code.Internal);
});

describe("a server-streaming call", () => {
  test("sends its request with OPEN, and receives until the end", async () => {
    const { client, dialled } = harness();
    const trailer = vi.fn();
    const answers = collect(client.serverStream({ value: one }, { onTrailer: trailer }));
    const server = await dialled();
    server.acceptWithSettings();
    const { message, flags } = server.takeOpen();
    expect(flags).toBe(Flag.Inline | Flag.EndSend);
    expect(message).toEqual(bytesValue(one));
    server.headers(1);
    server.message(1, one);
    server.data(1, new Uint8Array(0));
    server.message(1, two);
    server.end(1, { metadata: [{ key: "t", value: { case: "text", value: "x" } }] });
    await answers.done;
    expect(answers.values.map(({ value }) => value)).toEqual([one, new Uint8Array(0), two]);
    expect(trailer.mock.calls[0]?.[0].get("t")).toBe("x");
  });

  test("delivers what came before an error", async () => {
    const { client, dialled } = harness();
    const answers = collect(client.serverStream({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    server.headers(1);
    server.message(1, one);
    server.end(1, { status: { code: Code.Aborted, message: "lost a race" } });
    expect((await errorOf(answers.done)).code).toBe(Code.Aborted);
    expect(answers.values).toHaveLength(1);
  });

  test("that ends within a message is INTERNAL", async () => {
    const { client, dialled } = harness();
    const answers = collect(client.serverStream({ value: one }));
    const server = await dialled();
    server.acceptWithSettings();
    server.data(1, one, Flag.More);
    server.end(1);
    expect((await errorOf(answers.done)).code).toBe(Code.Internal);
  });

  test("goes on when a loop over it is left, until it is aborted", async () => {
    const { client, dialled } = harness();
    const abort = new AbortController();
    const reading = (async () => {
      for await (const _ of client.serverStream({ value: one }, { signal: abort.signal })) {
        break;
      }
    })();
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.message(1, one);
    await reading;
    expect(server.received).toEqual([]);
    abort.abort();
    expect(server.take(FrameType.Reset).stream).toBe(1);
  });
});

describe("a bidirectional call", () => {
  test("sends and receives at the same time, and half-closes", async () => {
    const { client, dialled } = harness();
    const source = new Source<{ value: Uint8Array<ArrayBuffer> }>();
    const answers = collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    expect(server.takeOpen().flags).toBe(0);

    source.push({ value: one });
    await settle();
    expect(server.take(FrameType.Data).payload).toEqual(bytesValue(one));
    server.headers(1);
    server.message(1, two);
    await settle();
    expect(answers.values.map(({ value }) => value)).toEqual([two]);

    source.finish();
    await settle();
    server.take(FrameType.EndSend);
    server.end(1);
    await answers.done;
  });

  test("has an empty message as a frame of its own", async () => {
    const { client, dialled } = harness();
    const source = new Source<{ value: Uint8Array<ArrayBuffer> }>();
    void collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    source.push({ value: new Uint8Array(0) });
    await settle();
    expect(server.take(FrameType.Data)).toMatchObject({ flags: 0, payload: new Uint8Array(0) });
  });

  test("stops sending when the server ends it, and lets go of the source", async () => {
    const { client, dialled } = harness();
    const source = new Source<{ value: Uint8Array<ArrayBuffer> }>();
    const answers = collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.end(1, { status: { code: Code.PermissionDenied, message: "no" } });
    expect((await errorOf(answers.done)).code).toBe(Code.PermissionDenied);
    source.push({ value: one }, { value: two });
    await settle();
    expect(server.received).toEqual([]);
    expect(source.taken).toBeLessThan(2);
  });

  test("whose source fails is reset, and fails with that", async () => {
    const { client, dialled } = harness();
    const failing = {
      // biome-ignore lint/correctness/useYield: a source that fails before its first message
      async *[Symbol.asyncIterator](): AsyncGenerator<{ value: Uint8Array<ArrayBuffer> }> {
        throw new ConnectError("camera gone", Code.DataLoss);
      },
    };
    const answers = collect(client.bidi(failing));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    expect((await errorOf(answers.done)).rawMessage).toBe("camera gone");
    expect(server.takePayload(FrameType.Reset, ResetSchema).code).toBe(Code.Canceled);
  });
});

test("a client-streaming call sends all and receives one", async () => {
  const { client, dialled } = harness();
  const source = new Source<{ value: Uint8Array<ArrayBuffer> }>();
  source.push({ value: one }, { value: two });
  source.finish();
  const answer = client.clientStream(source);
  const server = await dialled();
  server.acceptWithSettings();
  await settle();
  server.takeOpen();
  expect(server.take(FrameType.Data).payload).toEqual(bytesValue(one));
  expect(server.take(FrameType.Data).payload).toEqual(bytesValue(two));
  server.take(FrameType.EndSend);
  server.message(1, two);
  server.end(1);
  expect((await answer).value).toEqual(two);
});

test("a call that the server resets fails with its code", async () => {
  const { client, dialled } = harness();
  const error = errorOf(client.unary({ value: one }));
  const server = await dialled();
  server.acceptWithSettings();
  server.takeOpen();
  server.reset(1, { code: Code.Internal, message: "out of luck" });
  expect(await error).toMatchObject({ code: Code.Internal, rawMessage: "out of luck" });
  expect(server.received).toEqual([]);
});

test("a call that the server refuses without beginning it is repeated, once", async () => {
  const { client, dialled } = harness();
  const refusal = { code: Code.ResourceExhausted, message: "too many calls", notProcessed: true };
  const error = errorOf(client.unary({ value: one }));
  const server = await dialled();
  server.acceptWithSettings();
  expect(server.takeOpen().id).toBe(1);
  server.reset(1, refusal);
  await settle();
  const { id, message } = server.takeOpen();
  expect(id).toBe(3);
  expect(message).toEqual(bytesValue(one));
  server.reset(3, refusal);
  expect((await error).code).toBe(Code.ResourceExhausted);
  expect(server.received).toEqual([]);
});
