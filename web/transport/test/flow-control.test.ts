import { Code } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import { Flag, FrameType } from "../src/frame.js";
import { collect, errorOf, fakeTime, harness, Source } from "./harness.js";
import { randomFrom } from "./random.js";
import { bytesValue, type ScriptedServer, settle } from "./scripted-server.js";

type Message = { value: Uint8Array<ArrayBuffer> };

const chunkBytes = 16_384;
const streamWindowBytes = 65_536;
const connectionWindowBytes = 1_048_576;

/** Takes all DATA of one call that came; returns their payloads' lengths. */
function takeData(server: ScriptedServer, id: number): number[] {
  const lengths: number[] = [];
  while (server.received[0]?.type === FrameType.Data && server.received[0].stream === id) {
    lengths.push(server.take(FrameType.Data).payload.length);
  }
  return lengths;
}

/** Takes all WINDOW frames that came; returns the sum of their increments by stream. */
function takeCredit(server: ScriptedServer): Map<number, number> {
  const credit = new Map<number, number>();
  while (server.received[0]?.type === FrameType.Window) {
    const { stream, payload } = server.take(FrameType.Window);
    const bytes = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    credit.set(stream, (credit.get(stream) ?? 0) + bytes);
  }
  return credit;
}

describe("sending", () => {
  test("stops at the stream's window and goes on with its credit", async () => {
    const { client, dialled } = harness();
    const source = new Source<Message>();
    void collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    source.push({ value: new Uint8Array(100_000) });
    await settle();
    expect(takeData(server, 1)).toEqual([chunkBytes, chunkBytes, chunkBytes, chunkBytes]);
    server.window(1, 10);
    expect(takeData(server, 1)).toEqual([10]);
    server.window(1, 1_000_000);
    const rest = takeData(server, 1);
    expect(rest.reduce((sum, length) => sum + length, 0)).toBe(100_004 - streamWindowBytes - 10);
    expect(server.received).toEqual([]);
  });

  test("takes the next message from the source only when the last one is with the socket", async () => {
    const { client, dialled } = harness();
    const source = new Source<Message>();
    void collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    for (let i = 0; i < 100; i++) {
      source.push({ value: new Uint8Array(30_000) });
    }
    await settle();
    expect(source.taken).toBe(3);
    server.window(1, 60_000);
    await settle();
    expect(source.taken).toBe(5);
  });

  test("marks the chunks of a message", async () => {
    const { client, dialled } = harness();
    const answer = errorOf(client.unary({ value: new Uint8Array(40_000) }));
    const server = await dialled();
    server.acceptWithSettings();
    expect(server.takeOpen().message).toBeUndefined();
    expect([0, 1, 2].map(() => server.take(FrameType.Data).flags)).toEqual([Flag.More, Flag.More, Flag.EndSend]);
    server.end(1, { status: { code: Code.Aborted, message: "" } });
    await answer;
  });

  test("an empty message costs a byte", async () => {
    const { client, dialled } = harness();
    const source = new Source<Message>();
    void collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    source.push({ value: new Uint8Array(streamWindowBytes - 4) }, { value: new Uint8Array(0) });
    await settle();
    expect(takeData(server, 1)).toHaveLength(4);
    server.window(1, 1);
    await settle();
    expect(takeData(server, 1)).toEqual([0]);
  });

  test("stops at the connection's window, and goes on in turns", async () => {
    const { client, dialled } = harness();
    const sources = Array.from({ length: 17 }, () => new Source<Message>());
    for (const source of sources) {
      void collect(client.bidi(source));
    }
    const server = await dialled();
    server.acceptWithSettings();
    server.received.splice(0);
    server.bufferedAmount = 1024 * 1024;
    for (const source of sources) {
      source.push({ value: new Uint8Array(streamWindowBytes - 4) });
    }
    await settle();
    server.bufferedAmount = 0;
    server.window(1, 1);
    const sent = server.received.splice(0);
    expect(new Set(sent.slice(0, 17).map(({ stream }) => stream)).size).toBe(17);
    expect(sent.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(connectionWindowBytes);
    server.window(0, 3 * chunkBytes);
    expect(new Set(server.received.map(({ stream }) => stream)).size).toBe(3);
  });

  test("a call without credit never delays another", async () => {
    const { client, dialled } = harness();
    const [stalled, lively] = [new Source<Message>(), new Source<Message>()];
    void collect(client.bidi(stalled));
    void collect(client.bidi(lively));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.takeOpen();
    stalled.push({ value: new Uint8Array(1_000_000) });
    await settle();
    expect(takeData(server, 1)).toHaveLength(4);
    lively.push({ value: Uint8Array.of(1) });
    await settle();
    expect(server.take(FrameType.Data).stream).toBe(3);
  });

  test("waits while the socket's buffer is full, but not with control frames", async () => {
    fakeTime();
    const { client, dialled } = harness();
    const source = new Source<Message>();
    void collect(client.bidi(source));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.bufferedAmount = 256 * 1024;
    source.push({ value: Uint8Array.of(1) });
    await settle();
    expect(server.received).toEqual([]);
    server.frame(FrameType.Ping, 0, 0, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(server.take(FrameType.Pong).payload).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    await vi.advanceTimersByTimeAsync(100);
    expect(server.received).toEqual([]);
    server.bufferedAmount = 0;
    await vi.advanceTimersByTimeAsync(10);
    server.take(FrameType.Data);
  });

  test("settings raise the windows of calls that are open, and the chunk", async () => {
    const { client, dialled } = harness();
    const answer = errorOf(client.unary({ value: new Uint8Array(200_000) }));
    const server = await dialled();
    server.accept();
    server.take(FrameType.Settings);
    server.takeOpen();
    expect(takeData(server, 1)).toHaveLength(4);
    server.settings({ streamWindowBytes: 150_000, maxChunkBytes: 32_768 });
    expect(takeData(server, 1)).toEqual([32_768, 32_768, 150_000 - streamWindowBytes - 65_536]);
    server.end(1, { status: { code: Code.Aborted, message: "" } });
    await answer;
  });

  test("no more calls are opened than the server takes; the next one when one ends", async () => {
    const { client, dialled, transport } = harness();
    const answers = Array.from({ length: 102 }, () => client.unary({ value: Uint8Array.of(1) }));
    const server = await dialled();
    server.acceptWithSettings();
    for (let id = 1; id < 200; id += 2) {
      expect(server.takeOpen().id).toBe(id);
    }
    expect(server.received).toEqual([]);
    server.message(1, Uint8Array.of(1));
    server.end(1);
    await answers[0];
    expect(server.takeOpen().id).toBe(201);
    transport.close();
    await Promise.allSettled(answers);
  });
});

describe("receiving", () => {
  test("returns the connection's credit at once, the stream's only as messages are taken", async () => {
    const { client, dialled } = harness();
    const iterator = client.serverStream({ value: Uint8Array.of(1) })[Symbol.asyncIterator]();
    const first = iterator.next();
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.message(1, Uint8Array.of(1));
    await first;
    for (let i = 0; i < 4; i++) {
      server.message(1, new Uint8Array(16_000));
    }
    await settle();
    expect(takeCredit(server)).toEqual(new Map());
    await iterator.next();
    await iterator.next();
    await iterator.next();
    expect(takeCredit(server).get(1)).toBeGreaterThanOrEqual(streamWindowBytes / 2);
  });

  test("connection credit comes back for calls that nobody reads, and for ended ones", async () => {
    const { client, dialled } = harness();
    const iterators = Array.from({ length: 20 }, () =>
      client.serverStream({ value: Uint8Array.of(1) })[Symbol.asyncIterator](),
    );
    const firsts = iterators.map((iterator) => iterator.next());
    const server = await dialled();
    server.acceptWithSettings();
    server.received.splice(0);
    for (const i of iterators.keys()) {
      server.message(1 + 2 * i, Uint8Array.of(1));
    }
    await Promise.all(firsts);
    for (const i of iterators.keys()) {
      for (let chunk = 0; chunk < 3; chunk++) {
        server.data(1 + 2 * i, new Uint8Array(chunkBytes));
      }
    }
    expect(server.closedWith).toBeUndefined();
    server.end(1);
    takeCredit(server);
    for (let i = 0; i < 64; i++) {
      server.data(1, new Uint8Array(chunkBytes));
    }
    expect(server.closedWith).toBeUndefined();
    expect(takeCredit(server).get(0)).toBeGreaterThanOrEqual(connectionWindowBytes / 2);
  });

  test("a message longer than the window completes while it is waited for", async () => {
    const { client, dialled } = harness();
    const value = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    const answer = client.unary({ value: Uint8Array.of(1) });
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    server.headers(1);
    await settle();
    const message = bytesValue(value);
    let credit = streamWindowBytes;
    for (let offset = 0; offset < message.length; ) {
      const chunk = message.subarray(offset, offset + Math.min(chunkBytes, credit));
      expect(chunk.length).toBeGreaterThan(0);
      offset += chunk.length;
      server.data(1, chunk, offset < message.length ? Flag.More : 0);
      credit += (takeCredit(server).get(1) ?? 0) - chunk.length;
    }
    server.end(1);
    expect((await answer).value).toEqual(value);
  });

  test("random chunks are put together as they were cut", async () => {
    const random = randomFrom(3);
    const { client, dialled } = harness();
    const answers = collect(client.serverStream({ value: Uint8Array.of(1) }));
    const server = await dialled();
    server.acceptWithSettings();
    server.takeOpen();
    const values = Array.from({ length: 100 }, () => Uint8Array.from({ length: random(3000) }, () => random(256)));
    for (const value of values) {
      const message = bytesValue(value);
      let offset = 0;
      do {
        const end = Math.min(message.length, offset + random(800));
        server.data(1, message.subarray(offset, end), end < message.length ? Flag.More : 0);
        offset = end;
      } while (offset < message.length);
      await settle();
    }
    server.end(1);
    await answers.done;
    expect(answers.values.map(({ value }) => value)).toEqual(values);
  });

  test("more than the stream's window is a protocol error", async () => {
    const { client, dialled } = harness();
    const iterator = client.serverStream({ value: Uint8Array.of(1) })[Symbol.asyncIterator]();
    const first = iterator.next();
    const server = await dialled();
    server.acceptWithSettings();
    server.message(1, Uint8Array.of(1));
    await first;
    for (let i = 0; i < 4; i++) {
      server.data(1, new Uint8Array(chunkBytes - 1));
    }
    expect(server.closedWith).toBeUndefined();
    server.data(1, new Uint8Array(5));
    expect(server.closedWith).toBe(4400);
    expect((await errorOf(iterator.next())).code).toBe(Code.Unavailable);
  });
});

describe("an abandoned loop", () => {
  test("is reported once, with its method", async () => {
    fakeTime();
    const onStalled = vi.fn();
    const { client, dialled } = harness({ onStalled, stalledAfterMs: 1000, pingIntervalMs: 0 });
    const iterator = client.serverStream({ value: Uint8Array.of(1) })[Symbol.asyncIterator]();
    const first = iterator.next();
    const server = await dialled();
    server.acceptWithSettings();
    server.message(1, Uint8Array.of(1));
    await first;
    await vi.advanceTimersByTimeAsync(5000);
    expect(onStalled).not.toHaveBeenCalled();
    server.message(1, Uint8Array.of(2));
    await vi.advanceTimersByTimeAsync(2000);
    expect(onStalled.mock.calls).toEqual([
      [{ method: "/rialto.e2e.EchoService/ServerStream", unreadMs: expect.any(Number) }],
    ]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(onStalled).toHaveBeenCalledTimes(1);
  });
});

describe("gzip", () => {
  test("is used both ways, once the server has said that it can", async () => {
    const { client, transport, dialled } = harness({ compression: "gzip" });
    const connected = transport.connect();
    const server = await dialled();
    server.acceptWithSettings({ encodings: ["gzip"] });
    await connected;
    const value = new Uint8Array(20_000);
    const answer = client.unary({ value });
    const opened = await vi.waitFor(() => server.takeOpen());
    expect(opened.open.encoding).toBe("gzip");
    expect(opened.flags).toBe(Flag.Inline | Flag.EndSend | Flag.Compressed);
    expect(opened.message?.length).toBeLessThan(1000);
    server.data(1, opened.message as Uint8Array, Flag.Compressed);
    server.end(1);
    expect((await answer).value).toEqual(value);
  });

  test("a small message that becomes a large one is RESOURCE_EXHAUSTED", async () => {
    const { client, transport, dialled } = harness({ compression: "gzip", readMaxBytes: 100_000 });
    const connected = transport.connect();
    const server = await dialled();
    server.acceptWithSettings({ encodings: ["gzip"] });
    await connected;
    const error = errorOf(client.unary({ value: new Uint8Array(1_000_000) }));
    const { message } = await vi.waitFor(() => server.takeOpen());
    expect(message?.length).toBeLessThan(2000);
    server.data(1, message as Uint8Array, Flag.Compressed);
    server.end(1);
    expect((await error).code).toBe(Code.ResourceExhausted);
  });
});
