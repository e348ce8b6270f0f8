import { createHash } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import { CheckedServer } from "./checked-server.js";
import { collect, errorOf, fakeTime, harness, Source } from "./harness.js";
import { randomFrom } from "./random.js";
import { settle } from "./scripted-server.js";

type Message = { value: Uint8Array<ArrayBuffer> };

/** A bidirectional call as the application sees it. */
interface Conversation {
  readonly source: Source<Message>;
  readonly answers: { readonly values: readonly { value: Uint8Array }[]; readonly done: Promise<void> };
  readonly abort: AbortController;
  readonly sent: Uint8Array[];
  readonly expected: Uint8Array[];
  aborted: boolean;
}

/** Stands for bytes where many are compared. */
const digest = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");

describe.each([1, 2, 3, 4, 5, 6, 7, 8])("random conversations, seed %d", (seed) => {
  test("keep every rule of the protocol, lose nothing and leave nothing", async () => {
    fakeTime();
    const random = randomFrom(seed);
    const { client, dialled, transport } = harness({ pingIntervalMs: 0 });
    void transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    const checked = new CheckedServer(server);
    const conversations: Conversation[] = [];
    const bytes = (below: number) => new Uint8Array(random(below)).fill(random(256));
    const ofStream = ({ index }: { readonly index: number }) => conversations[index] as Conversation;

    const steps: readonly (() => void)[] = [
      () => {
        const abort = new AbortController();
        const source = new Source<Message>();
        const headers = { "x-index": `${conversations.length}` };
        const answers = collect(client.bidi(source, { signal: abort.signal, headers }));
        conversations.push({ source, answers, abort, sent: [], expected: [], aborted: false });
      },
      () => {
        const conversation = conversations[random(conversations.length)];
        if (conversation) {
          const value = bytes(random(2) === 0 ? 150_000 : 2000);
          conversation.sent.push(value);
          conversation.source.push({ value });
        }
      },
      () => {
        const stream = checked.open[random(checked.open.length)];
        const value = bytes(8000);
        if (stream && checked.send(stream, value)) {
          ofStream(stream).expected.push(value);
        }
      },
      () => {
        const stream = checked.open[random(checked.open.length)];
        if (stream) {
          checked.replenish(stream);
        }
      },
      () => {
        if (random(60) === 0) {
          checked.replenishConnection();
        }
      },
      () => {
        const conversation = conversations[random(conversations.length)];
        if (conversation && random(5) === 0) {
          conversation.aborted = true;
          conversation.abort.abort();
        }
      },
      () => {
        server.bufferedAmount = random(3) === 0 ? 300_000 : 0;
      },
    ];
    for (let i = 0; i < 900; i++) {
      (steps[random(steps.length)] as () => void)();
      if (random(3) === 0) {
        await vi.advanceTimersByTimeAsync(20);
        checked.read();
      }
    }

    server.bufferedAmount = 0;
    for (const { source } of conversations) {
      source.finish();
    }
    for (let round = 0; checked.open.some(({ halfClosed }) => !halfClosed) || round < 3; round++) {
      expect(round).toBeLessThan(500);
      await vi.advanceTimersByTimeAsync(20);
      checked.read();
      checked.replenishConnection();
      for (const stream of checked.open) {
        checked.replenish(stream);
      }
    }
    for (const stream of checked.open) {
      checked.end(stream);
    }
    await settle();
    expect(server.closedWith).toBeUndefined();
    expect(checked.streams.size).toBeGreaterThan(10);
    for (const stream of checked.streams.values()) {
      const { answers, aborted, sent, expected } = ofStream(stream);
      if (aborted) {
        await answers.done.catch(() => undefined);
      } else {
        await answers.done;
        expect(stream.received.map(digest)).toEqual(sent.map(digest));
        expect(answers.values.map(({ value }) => digest(value))).toEqual(expected.map(digest));
      }
    }
    transport.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.each([1, 2, 3, 4])("random frames from the server, seed %d", (seed) => {
  test("end in an orderly way: every call settles, nothing is left", async () => {
    const random = randomFrom(seed);
    const closeCodes = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const { client, dialled, transport } = harness();
      const calls = Array.from({ length: 4 }, () => errorOf(collect(client.serverStream({})).done));
      const server = await dialled();
      server.acceptWithSettings();
      while (server.closedWith === undefined && random(40) > 0) {
        const type = random(20) === 0 ? random(256) : random(12);
        const payload = Uint8Array.from({ length: random(3) === 0 ? random(40) : 0 }, () => random(256));
        server.frame(type, random(3) === 0 ? random(16) : 0, random(10), payload);
      }
      closeCodes.add(server.closedWith ?? 0);
      transport.close();
      for (const error of await Promise.all(calls)) {
        expect(Code[error.code]).toBeDefined();
      }
      expect(server.listenerCount).toBe(0);
    }
    expect(closeCodes).toContain(4400);
  });
});
