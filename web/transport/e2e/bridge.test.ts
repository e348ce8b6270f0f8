import { type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { withFallback } from "../src/fallback.js";
import { createWebSocketTransport, type WebSocketTransport, type WebSocketTransportOptions } from "../src/index.js";
import { EchoService } from "../test/echo-service.js";
import { collect, errorOf, Source } from "../test/harness.js";
import { randomFrom } from "../test/random.js";
import { EchoServer, EchoServerBinary } from "./echo-server.js";

type Message = { value: Uint8Array<ArrayBuffer> };

let binary: EchoServerBinary;
let server: EchoServer;

beforeAll(async () => {
  binary = new EchoServerBinary();
  server = await EchoServer.start(binary);
});

afterAll(async () => {
  await server.close();
  binary.remove();
});

interface Connected {
  readonly transport: WebSocketTransport;
  readonly client: Client<typeof EchoService>;
}

function connect(options: Partial<WebSocketTransportOptions> = {}): Connected {
  const transport = createWebSocketTransport({
    baseUrl: server.baseUrl,
    WebSocket,
    readMaxBytes: 80 * 1024 * 1024,
    ...options,
  });
  onTestFinished(() => transport.close());
  return { transport, client: createClient(EchoService, transport) };
}

/** Bytes that differ from place to place, and so show what is lost or exchanged. */
function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

describe("against the real bridge", () => {
  test.each([0, 1, 100, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1_048_577, 64 * 1024 * 1024])(
    "a unary call of %d bytes comes back whole",
    async (length) => {
      const { client } = connect();
      const value = pattern(length);
      expect(isSame((await client.unary({ value })).value, value)).toBe(true);
    },
  );

  test("gzip, both ways", async () => {
    const { client, transport } = connect({ compression: "gzip" });
    await transport.connect();
    const value = new Uint8Array(3_000_000).fill(7);
    expect(isSame((await client.unary({ value })).value, value)).toBe(true);
    const answers = collect(client.serverStream({ value }, { headers: { "x-count": "3" } }));
    await answers.done;
    expect(answers.values.every((answer) => isSame(answer.value, value))).toBe(true);
    expect(answers.values).toHaveLength(3);
  });

  test("metadata, text and binary, in headers and trailers", async () => {
    const { client } = connect({ connectionHeaders: () => ({ "x-echo": "from the connection" }) });
    const seen: Headers[] = [];
    const look = { onHeader: (h: Headers) => seen.push(h), onTrailer: (t: Headers) => seen.push(t) };
    await client.unary({}, { headers: { "x-echo-bin": "AAEC, /w" }, ...look });
    await client.unary({}, { headers: { "x-echo": "from the call" }, ...look });
    expect(seen.map((headers) => headers.get("x-echo-bin"))).toEqual(["AAEC, /w", "AAEC, /w", null, null]);
    expect(seen.map((headers) => headers.get("x-echo"))).toEqual([
      "from the connection",
      "from the connection",
      "from the call",
      "from the call",
    ]);
  });

  test("every status code, with message, details and trailers", async () => {
    const { client } = connect();
    for (let code = 1; code <= 16; code++) {
      const error = await errorOf(client.unary({}, { headers: { "x-fail": `${code}`, "x-echo": "t" } }));
      expect(error.code).toBe(code);
      expect(error.rawMessage).toBe("asked to fail: €");
      expect(error.details).toMatchObject([{ type: "google.rpc.ErrorInfo" }]);
      expect(error.metadata.get("x-echo")).toContain("t");
    }
  });

  test("an unknown method is UNIMPLEMENTED", async () => {
    const { transport } = connect();
    const method = { ...EchoService.method.unary, name: "Nothing" };
    const call = transport.unary(method, undefined, undefined, undefined, {});
    expect((await errorOf(call)).code).toBe(Code.Unimplemented);
  });

  test("the deadline reaches the server, and ends the call on both sides", async () => {
    const { client } = connect();
    const timeouts: (string | null)[] = [];
    await client.unary({}, { timeoutMs: 5000, onHeader: (headers) => timeouts.push(headers.get("x-timeout-ms")) });
    expect(Number(timeouts[0])).toBeGreaterThan(3000);
    expect(Number(timeouts[0])).toBeLessThanOrEqual(5000);
    const error = await errorOf(client.unary({}, { timeoutMs: 50, headers: { "x-wait": "1" } }));
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("an aborted call ends at the server", async () => {
    const { client } = connect();
    const abort = new AbortController();
    const waiting = collect(client.serverStream({}, { signal: abort.signal, headers: { "x-wait": "1" } }));
    const running = async () => {
      let count = "";
      await client.unary({}, { onHeader: (headers) => (count = headers.get("x-running") ?? "") });
      return count;
    };
    await expect.poll(running).toBe("1");
    abort.abort();
    expect((await errorOf(waiting.done)).code).toBe(Code.Canceled);
    await expect.poll(running).toBe("0");
  });

  test("a bidirectional call is a conversation", async () => {
    const { client } = connect();
    const source = new Source<Message>();
    const answers = client.bidi(source)[Symbol.asyncIterator]();
    const random = randomFrom(7);
    for (let i = 0; i < 200; i++) {
      const value = pattern(random(3000), i);
      source.push({ value });
      const answer = await answers.next();
      expect(isSame(answer.value.value, value)).toBe(true);
    }
    source.finish();
    expect((await answers.next()).done).toBe(true);
  });

  test("client streaming joins what was sent", async () => {
    const { client } = connect();
    const parts = Array.from({ length: 50 }, (_, i) => pattern(20_000, i));
    const source = new Source<Message>();
    source.push(...parts.map((value) => ({ value })));
    source.finish();
    expect(isSame((await client.clientStream(source)).value, Buffer.concat(parts))).toBe(true);
  });

  test("90 calls at once share one socket", async () => {
    const { client } = connect();
    const values = Array.from({ length: 90 }, (_, i) => pattern(30_000 + i, i));
    const answers = await Promise.all(values.map((value) => client.unary({ value })));
    expect(answers.every((answer, i) => isSame(answer.value, values[i] as Uint8Array))).toBe(true);
  });

  test("a call that nobody reads never delays its neighbours", async () => {
    const { client } = connect();
    const aborts = Array.from({ length: 40 }, () => new AbortController());
    const value = pattern(60_000);
    const headers = { "x-count": "1000" };
    const stalled = aborts.map(({ signal }) =>
      client.serverStream({ value }, { signal, headers })[Symbol.asyncIterator](),
    );
    await Promise.all(stalled.map((iterator) => iterator.next()));
    const answers = collect(client.serverStream({ value }, { headers: { "x-count": "200" } }));
    await answers.done;
    expect(answers.values).toHaveLength(200);
    for (const abort of aborts) {
      abort.abort();
    }
    await expect.poll(async () => (await client.unary({ value })).value.length).toBe(60_000);
  });

  test("a slow reader holds up the server, and misses nothing", async () => {
    const { client } = connect();
    let count = 0;
    for await (const { value } of client.serverStream({ value: pattern(10_000) }, { headers: { "x-count": "300" } })) {
      expect(value.length).toBe(10_000);
      count++;
      if (count % 10 === 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    expect(count).toBe(300);
  });

  test("AUTH changes the metadata of later calls", async () => {
    let echo = "old";
    const { client, transport } = connect({ connectionHeaders: () => ({ "x-echo": echo }) });
    await transport.connect();
    echo = "new";
    await Promise.all([transport.authenticate(), transport.authenticate()]);
    let seen = "";
    await client.unary({}, { onHeader: (headers) => (seen = headers.get("x-echo") ?? "") });
    expect(seen).toBe("new");
  });
});

describe("when the server goes away", () => {
  test("drain lets running calls end, and the connection with them", async () => {
    const leaving = await EchoServer.start(binary);
    onTestFinished(() => leaving.close());
    const { client, transport } = connect({ baseUrl: leaving.baseUrl });
    const source = new Source<Message>();
    const answers = collect(client.bidi(source));
    source.push({ value: pattern(10) });
    await expect.poll(() => answers.values.length).toBe(1);
    const drained = leaving.drain();
    await expect.poll(() => transport.state.status).not.toBe("connected");
    source.push({ value: pattern(20) });
    source.finish();
    await answers.done;
    expect(answers.values).toHaveLength(2);
    await drained;
    expect((await errorOf(client.unary({}))).code).toBe(Code.Unavailable);
  });

  test("a killed server fails its calls with UNAVAILABLE", async () => {
    const dying = await EchoServer.start(binary);
    const { client, transport } = connect({ baseUrl: dying.baseUrl });
    const waiting = collect(client.serverStream({}, { headers: { "x-wait": "1" } }));
    await expect.poll(() => transport.state.status).toBe("connected");
    await dying.kill();
    expect((await errorOf(waiting.done)).code).toBe(Code.Unavailable);
  });
});

test("where WebSockets are blocked, unary and server-streaming calls go over HTTP", async () => {
  class Blocked extends WebSocket {
    constructor() {
      super("ws://127.0.0.1:9/");
    }
  }
  const { transport } = connect({ WebSocket: Blocked });
  const http = createConnectTransport({ baseUrl: server.baseUrl });
  const client = createClient(EchoService, withFallback(transport, http));
  const value = pattern(1000);
  expect(isSame((await client.unary({ value })).value, value)).toBe(true);
  const { values, done } = collect(client.serverStream({ value }));
  await done;
  expect(values.length).toBeGreaterThan(0);
});
