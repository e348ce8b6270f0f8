import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { MessageView } from "@rialto/chat";
import { type ListMessagesResponseSchema, MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type PendingCall, pendingCalls } from "./calls.js";
import { wireError } from "./fake-transport.js";
import { Harness } from "./harness.js";
import { about, code, type MessageInit, message, posted, respond, snapshot, status } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const { listMessages } = MessageService.method;
type Call = PendingCall<typeof listMessages>;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function page(messages: MessageInit[], headSeq: number): MessageInitShape<typeof ListMessagesResponseSchema> {
  return { messages, room: { id: "lobby", firstSeq: 1n, headSeq: BigInt(headSeq) }, epoch: "epoch-1" };
}

const seqs = (view: MessageView) => view.getSnapshot().messages.map(({ seq }) => seq);

/** A lobby whose newest message is number 100, and nothing of it before 91 is loaded. */
async function lobby() {
  const h = new Harness();
  const joined = await h.joinLobby(range(91, 100).map((seq) => message(seq)));
  return { h, ...joined };
}

describe("a view around a message", () => {
  async function opened() {
    const { h, room, call } = await lobby();
    const view = room.around(40);
    const calls = await pendingCalls(h, listMessages);
    return { h, room, call, view, calls };
  }

  async function answer([older, newer]: readonly Call[]) {
    await older?.answer(
      page(
        range(16, 40).map((seq) => message(seq)),
        100,
      ),
    );
    await newer?.answer(
      page(
        range(41, 65).map((seq) => message(seq)),
        100,
      ),
    );
  }

  test("asks for both sides at once, and shows them together", async () => {
    const { view, calls } = await opened();
    expect(view.getSnapshot()).toMatchObject({ messages: [], loading: true });
    expect(calls.map(({ request }) => [request.position, request.pageSize, request.minRev])).toEqual([
      [{ case: "beforeSeq", value: 41n }, 25, 100n],
      [{ case: "afterSeq", value: 40n }, 25, 100n],
    ]);
    await answer(calls);
    expect(seqs(view)).toEqual(range(16, 65));
    expect(view.getSnapshot()).toMatchObject({ loading: false, hasOlder: true, hasNewer: true });
  });

  test("grows in both directions until there is no more, and then follows the room", async () => {
    const { h, view, calls, call } = await opened();
    await answer(calls);
    const older = view.loadOlder();
    expect(view.loadOlder()).toBe(older);
    const [up] = await pendingCalls(h, listMessages);
    expect(up?.request.position).toEqual({ case: "beforeSeq", value: 16n });
    await up?.answer(
      page(
        range(1, 15).map((seq) => message(seq)),
        100,
      ),
    );
    await older;
    const newer = view.loadNewer();
    const [down] = await pendingCalls(h, listMessages);
    expect(down?.request.position).toEqual({ case: "afterSeq", value: 65n });
    // While the page is under way somebody posts.
    await respond(call, { events: [posted(101)] });
    await down?.answer(
      page(
        range(66, 100).map((seq) => message(seq)),
        100,
      ),
    );
    await newer;
    await respond(call, { events: [posted(102)] });
    expect(seqs(view)).toEqual(range(1, 102));
    expect(view.getSnapshot()).toMatchObject({ hasOlder: false, hasNewer: false });
    await view.loadOlder();
    await view.loadNewer();
    expect(await pendingCalls(h, listMessages)).toEqual([]);
  });

  test("misses nothing that is posted while older messages are on their way", async () => {
    const { h, view, calls, call } = await opened();
    await calls[0]?.answer(
      page(
        range(16, 40).map((seq) => message(seq)),
        65,
      ),
    );
    await calls[1]?.answer(
      page(
        range(41, 65).map((seq) => message(seq)),
        65,
      ),
    );
    expect(view.getSnapshot().hasNewer).toBe(false);
    const older = view.loadOlder();
    const [up] = await pendingCalls(h, listMessages);
    await respond(call, { events: [posted(66, { rev: 101n })] });
    await up?.answer(
      page(
        range(1, 15).map((seq) => message(seq)),
        66,
      ),
    );
    await older;
    expect(seqs(view)).toEqual(range(1, 66));
    await respond(call, { events: [posted(67, { rev: 102n })] });
    expect(seqs(view)).toEqual(range(1, 67));
  });

  test("misses nothing that is posted while older messages do not come", async () => {
    const { h, view, calls, call } = await opened();
    await calls[0]?.answer(page([message(40)], 40));
    await calls[1]?.answer(page([], 40));
    const older = view.loadOlder();
    const [up] = await pendingCalls(h, listMessages);
    await respond(call, { events: [posted(41, { rev: 101n })] });
    await up?.fail(new ConnectError("lost", Code.Unavailable));
    await older;
    expect(seqs(view)).toEqual([40, 41]);
  });

  test("takes the newer form of a message, whether the event comes before or behind the page", async () => {
    const { view, calls, call } = await opened();
    const edited = (seq: number, rev: bigint) =>
      about("edited", message(seq, { rev, body: { case: "text", value: "edited" } }));
    await respond(call, { events: [edited(40, 101n)] });
    await answer(calls);
    await respond(call, { events: [edited(41, 102n), posted(101, { rev: 103n })] });
    const texts = view.getSnapshot().messages.map(({ text }) => text);
    expect(texts.slice(23, 27)).toEqual(["message 39", "edited", "edited", "message 42"]);
    expect(seqs(view)).toHaveLength(50);
  });

  test("counts the answers to a message, whether the event comes before or behind the page, each once", async () => {
    const { view, calls, call } = await opened();
    const count = (seq: number) => view.getSnapshot().messages.find((one) => one.seq === seq)?.thread?.count;
    await respond(call, { events: [posted(101, { replyTo: 40n })] });
    await answer(calls);
    expect(count(40)).toBe(1);
    const again = posted(102, { replyTo: 40n });
    await respond(call, { events: [again, posted(103, { replyTo: 41n })] });
    await respond(call, { events: [again] });
    expect([count(40), count(41), count(42)]).toEqual([2, 1, undefined]);
  });

  test("starts over when the room's events were not continued", async () => {
    const { h, view, calls, call } = await opened();
    await respond(call, { events: [snapshot([message(900)])] });
    const again = await pendingCalls(h, listMessages);
    expect(again).toHaveLength(2);
    await answer(calls);
    expect(seqs(view)).toEqual([]);
    await again[0]?.answer(page([message(40, { rev: 700n })], 900));
    await again[1]?.answer(page([], 900));
    expect(view.getSnapshot().messages).toMatchObject([{ seq: 40, rev: 700 }]);
  });

  test("says why a page did not come, and can be asked again", async () => {
    const { h, view, calls } = await opened();
    await calls[0]?.fail(new ConnectError("lost", Code.Unavailable));
    expect(view.getSnapshot()).toMatchObject({ loading: false, error: { code: "UNAVAILABLE" } });
    void view.loadNewer();
    await answer(await pendingCalls(h, listMessages));
    expect(view.getSnapshot().error).toBeUndefined();
    expect(seqs(view)).toHaveLength(50);
  });

  test("does nothing more once it is closed", async () => {
    const { view, calls, call } = await opened();
    const listener = vi.fn();
    view.close();
    await answer(calls);
    view.subscribe(listener);
    await respond(call, { events: [posted(101)] });
    await view.loadNewer();
    expect(listener).not.toHaveBeenCalled();
    expect(seqs(view)).toEqual([]);
  });
});

test("a view of a room that is not made yet is empty, and shows what comes", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  const view = room.thread(1);
  const [first] = await pendingCalls(h, listMessages);
  await first?.fail(wireError(status(code.notFound, "no such room")));
  expect(view.getSnapshot()).toEqual({ messages: [], loading: false, hasOlder: false, hasNewer: false });
  await respond(call, { events: [posted(1), posted(2, { replyTo: 1n })] });
  expect(seqs(view)).toEqual([2]);
});

test("a view of a room that is made while it is asked for shows the first messages", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  const view = room.thread(1);
  const [first] = await pendingCalls(h, listMessages);
  await respond(call, { events: [posted(1), posted(2, { replyTo: 1n })] });
  await first?.fail(wireError(status(code.notFound, "no such room")));
  expect(seqs(view)).toEqual([2]);
  // A failure that comes too late says nothing of what was asked for since.
  await respond(call, { events: [snapshot([message(900)])] });
  const [early] = await pendingCalls(h, listMessages);
  await respond(call, { events: [snapshot([message(901)])] });
  await early?.fail(wireError(status(code.notFound, "no such room")));
  expect(view.getSnapshot()).toMatchObject({ hasNewer: true, loading: true });
});

describe("a thread", () => {
  test("shows the answers to a message, those to come included", async () => {
    const { h, room, call } = await lobby();
    const view = room.thread(40);
    const [first] = await pendingCalls(h, listMessages);
    expect(first?.request).toMatchObject({ replyTo: 40n, position: { case: "afterSeq", value: 40n } });
    const reply = (seq: number) => ({ replyTo: 40n, rev: BigInt(seq) });
    await first?.answer(page([message(50, reply(50)), message(70, reply(70))], 100));
    // A page may be short although there is more.
    const [last] = await pendingCalls(h, listMessages);
    expect(last?.request.position).toEqual({ case: "afterSeq", value: 70n });
    await respond(call, { events: [posted(101, reply(101))] });
    await last?.answer(page([], 100));
    expect(view.getSnapshot()).toMatchObject({ hasOlder: false, hasNewer: false, loading: false });
    await respond(call, { events: [posted(102, reply(102)), posted(103, { replyTo: 50n }), posted(104)] });
    expect(seqs(view)).toEqual([50, 70, 101, 102]);
  });
});
