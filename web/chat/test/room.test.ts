import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Room } from "@rialto/chat";
import { EventSchema, ShutOutReason, SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { type ListMessagesResponseSchema, MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lastCall } from "./calls.js";
import { Harness, texts } from "./harness.js";
import {
  about,
  ana,
  bo,
  code,
  cy,
  type EventInit,
  epoch,
  errorReply,
  joinResult,
  message,
  posted,
  respond,
  snapshot,
  status,
  takeRequests,
  welcome,
} from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The messages of the lobby from one to another. */
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

/** Breaks the connection, comes back, and returns the new call and the join it was sent. */
async function reconnect(h: Harness) {
  await h.lose();
  h.client.connect();
  const call = await h.accept();
  const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
  return { call, join };
}

describe("joining", () => {
  test("asks for the newest page and shows it", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    expect(room.getSnapshot()).toMatchObject({ status: "idle", messages: [], hasOlder: false });
    room.join();
    expect(room.getSnapshot().status).toBe("joining");
    h.client.connect();
    const call = await h.accept();
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    expect(join?.command.value).toMatchObject({ room: "lobby", start: { case: "history", value: 50 } });
    await respond(call, { replies: [joinResult(join, 8, { headSeq: 8 })] });
    expect(room.getSnapshot().status).toBe("catching-up");
    await respond(call, { events: [snapshot([message(7), message(8)], { room: { title: "The lobby" } })] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", title: "The lobby", headSeq: 8, unread: 8 });
    expect(texts(room)).toEqual(["message 7", "message 8"]);
    expect(room.getSnapshot().hasOlder).toBe(true);
  });

  test("knows how much is unread as soon as the reply is there, which may come before the snapshot", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    room.join();
    h.client.connect();
    const call = await h.accept();
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    await respond(call, { replies: [joinResult(join, 90, { readSeq: 60 })] });
    expect(room.getSnapshot()).toMatchObject({
      status: "catching-up",
      messages: [],
      readSeq: 60,
      headSeq: 90,
      unread: 30,
    });
    await respond(call, { events: [snapshot([message(89), message(90)])] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", readSeq: 60, headSeq: 90, unread: 30 });
  });

  test("is live too when the snapshot comes before the reply", async () => {
    const h = new Harness();
    expect((await h.joinLobby([message(1)])).room.getSnapshot().status).toBe("live");
  });

  test("an empty room that does not exist is live at once, and its first message is number 1", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    expect(room.getSnapshot()).toMatchObject({ status: "live", messages: [], hasOlder: false, unread: 0 });
    await respond(call, { events: [posted(1)] });
    expect(room.getSnapshot()).toMatchObject({ headSeq: 1, unread: 1, hasOlder: false });
  });

  test("is counted: one of two leaves changes nothing, the second leaves and keeps the messages", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    room.join();
    room.leave();
    expect(await takeRequests(call)).toEqual([]);
    room.leave();
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["leave"]);
    expect(room.getSnapshot().status).toBe("idle");
    expect(texts(room)).toEqual(["message 1"]);
    room.leave();
    expect(await takeRequests(call)).toEqual([]);
    room.join();
    const [again] = await takeRequests(call);
    expect(again?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 1n } } });
  });

  test("that is refused says why and goes on with the session", async () => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    const room = h.client.room("No Such Id");
    room.join();
    const [, join] = await takeRequests(call);
    await respond(call, { replies: [errorReply(join, status(code.invalidArgument, "bad id", { field: "room" }))] });
    const { error, ...shown } = room.getSnapshot();
    expect(shown.status).toBe("idle");
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", violations: [{ field: "room", description: "bad id" }] });
    expect(h.connection.status).toBe("live");
  });

  test("that is refused is repeated, once, as soon as the feed says that one is a member", async () => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    const room = h.client.room("lobby");
    room.join();
    const [, join] = await takeRequests(call);
    const feed: EventInit = { kind: { case: "feed", value: { rooms: [{ room: { id: "lobby" } }] } } };
    await respond(call, { replies: [errorReply(join, status(code.notFound, "no such room"))] });
    expect(room.getSnapshot()).toMatchObject({ status: "idle", error: { code: "NOT_FOUND" } });
    await respond(call, { events: [feed] });
    const [again, ...more] = await takeRequests(call);
    expect([again?.command.case, more]).toEqual(["join", []]);
    await respond(call, { events: [snapshot([message(1)]), feed], replies: [joinResult(again, 1)] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", messages: [{ seq: 1 }] });
    expect(room.getSnapshot().error).toBeUndefined();
    await respond(call, { events: [feed] });
    room.leave();
    await respond(call, { events: [{ room: "lobby", kind: { case: "shutOut", value: {} } }, feed] });
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["leave"]);
  });

  test("that is refused is repeated, once, also where the feed is faster than the refusal", async () => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    const room = h.client.room("lobby");
    room.join();
    const [, join] = await takeRequests(call);
    const feed: EventInit = { kind: { case: "feed", value: { rooms: [{ room: { id: "lobby" } }] } } };
    const refusal = status(code.notFound, "no such room");
    await respond(call, { events: [feed], replies: [errorReply(join, refusal)] });
    const [again, ...more] = await takeRequests(call);
    expect([again?.command.case, more]).toEqual(["join", []]);
    await respond(call, { replies: [errorReply(again, refusal)] });
    expect(await takeRequests(call)).toEqual([]);
    expect(room.getSnapshot()).toMatchObject({ status: "idle", error: { code: "NOT_FOUND" } });
  });

  test("that is refused for another reason waits for no feed", async () => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    h.client.room("lobby").join();
    const [, join] = await takeRequests(call);
    await respond(call, {
      replies: [errorReply(join, status(code.resourceExhausted, "too many rooms"))],
      events: [{ kind: { case: "feed", value: { rooms: [{ room: { id: "lobby" } }] } } }],
    });
    await respond(call, { events: [{ kind: { case: "feed", value: { rooms: [{ room: { id: "lobby" } }] } } }] });
    expect(await takeRequests(call)).toEqual([]);
  });

  test("begins afresh where the room was not to be seen for a while, and nothing of it is left", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby(range(1, 50));
    const refused = await reconnect(h);
    await respond(refused.call, { replies: [errorReply(refused.join, status(code.notFound, "no such room"))] });
    expect(room.getSnapshot()).toMatchObject({ status: "idle", messages: [] });
    const { call, join } = await reconnect(h);
    expect(join?.command.value).toMatchObject({ start: { case: "history", value: 50 } });
    await respond(call, { events: [snapshot(range(2, 51))], replies: [joinResult(join, 51)] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", hasOlder: true });
    expect(texts(room).at(-1)).toBe("message 51");
  });

  test.each([
    ["unavailable", code.unavailable],
    ["too often", code.resourceExhausted],
  ])("is repeated after what the server asks for when it cannot be done yet: %s", async (_, refusal) => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    h.client.room("lobby").join();
    const [, join] = await takeRequests(call);
    const busy = status(refusal, "not yet", { retryAfterMs: 2000 });
    await respond(call, { replies: [errorReply(join, busy)] });
    await vi.advanceTimersByTimeAsync(1999);
    expect(call.sent).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(501);
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["join"]);
  });
});

describe("events", () => {
  test("change messages in place: edits, tombstones, reactions", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2), message(3)]);
    const editTime = timestampFromMs(1_700_000_001_000);
    const reactions = [{ emoji: "👍", userIds: [ana.id] }];
    await respond(call, {
      events: [
        about("edited", message(1, { rev: 4n, editTime, body: { case: "text", value: "better" } })),
        about("deleted", message(2, { rev: 5n, deleteTime: editTime, body: { case: undefined } })),
        about("reacted", message(3, { rev: 6n, reactions })),
      ],
    });
    const [edited, deleted, reacted] = room.getSnapshot().messages;
    expect(edited).toMatchObject({ text: "better", editTime: new Date(1_700_000_001_000), deleted: false });
    expect(deleted).toMatchObject({ text: "", deleted: true });
    expect(reacted?.reactions).toEqual(reactions);
  });

  test("of a kind that is not known move the position all the same", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [{ room: "lobby", rev: 2n }, posted(2, { rev: 3n })] });
    expect(texts(room)).toEqual(["message 1", "message 2"]);
    const { join } = await reconnect(h);
    expect(join?.command.value).toMatchObject({ start: { value: { rev: 3n } } });
  });

  test("say what a message answers, whom it is about, and how often it was answered", async () => {
    const h = new Harness();
    const thread = { count: 2n, lastSeq: 2n, lastTime: timestampFromMs(5000) };
    const { room, call } = await h.joinLobby([message(1, { thread }), message(2, { replyTo: 1n })]);
    await respond(call, { events: [posted(3, { replyTo: 1n, mentions: [ana.id] }), posted(4, { replyTo: 3n })] });
    const shown = room
      .getSnapshot()
      .messages.map(({ replyTo, mentions, thread: of }) => [replyTo, mentions, of?.count]);
    expect(shown).toEqual([
      [undefined, [], 3],
      [1, [], undefined],
      [1, [ana.id], 1],
      [3, [], undefined],
    ]);
    // An edit brings the answers that it knew of.
    await respond(call, { events: [about("edited", message(1, { rev: 5n, thread }))] });
    expect(room.getSnapshot().messages[0]).toMatchObject({ rev: 5, thread: { count: 3, lastSeq: 3 } });
  });

  test("change title, topic and slow mode", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    const settings = { title: "News", topic: "What is new", slowMode: { seconds: 5n } };
    const value = { id: "lobby", ...settings, firstSeq: 1n, headSeq: 1n, headRev: 2n };
    await respond(call, { events: [{ room: "lobby", rev: 2n, kind: { case: "roomChanged", value } }] });
    expect(room.getSnapshot()).toMatchObject({ title: "News", topic: "What is new", slowModeMs: 5000 });
  });

  test("take the oldest messages away, for good", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2), message(3)]);
    const trimmed = (rev: bigint, firstSeq: bigint) => ({
      room: "lobby",
      rev,
      kind: { case: "trimmed" as const, value: { firstSeq } },
    });
    await respond(call, { events: [trimmed(4n, 3n)] });
    expect(room.getSnapshot()).toMatchObject({ hasOlder: false, messages: [{ seq: 3 }], unread: 1 });
    // A replayed event of what has gone has a rev only; an answer to an earlier call may still show it.
    await respond(call, { events: [{ room: "lobby", rev: 5n }, about("reacted", message(3, { rev: 6n }))] });
    expect(room.getSnapshot().messages).toMatchObject([{ seq: 3, rev: 6 }]);
    await respond(call, { events: [trimmed(7n, 4n), posted(4, { rev: 8n })] });
    expect(room.getSnapshot()).toMatchObject({ hasOlder: false, messages: [{ seq: 4 }], unread: 1 });
  });

  test("say where the room begins, for good: no answer that comes later than they and is older brings it back", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    room.join();
    h.client.connect();
    const call = await h.accept();
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    const trimmed = (rev: bigint, firstSeq: bigint): EventInit => ({
      room: "lobby",
      rev,
      kind: { case: "trimmed", value: { firstSeq } },
    });
    await respond(call, {
      events: [snapshot(range(5, 9)), trimmed(10n, 9n)],
      replies: [joinResult(join, 9)],
    });
    expect(room.getSnapshot()).toMatchObject({ hasOlder: false, messages: [{ seq: 9 }], unread: 1 });

    await respond(call, { events: [snapshot(range(5, 9), { headRev: 10 })] });
    const older = room.loadOlder();
    const page = await lastCall(h, MessageService.method.listMessages);
    await respond(call, { events: [trimmed(11n, 5n)] });
    await page.answer({ messages: range(3, 4), room: { id: "lobby", firstSeq: 1n, headRev: 10n }, epoch });
    await older;
    expect(room.getSnapshot()).toMatchObject({ hasOlder: false, unread: 5 });
  });

  test("say that the room was deleted, and nothing of it is left", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    const value = { reason: ShutOutReason.ROOM_DELETED };
    await respond(call, { events: [{ room: "lobby", kind: { case: "shutOut", value } }] });
    const { error, messages, status, headSeq } = room.getSnapshot();
    expect({ code: error?.code, text: error?.message, messages, status, headSeq }).toEqual({
      code: "NOT_FOUND",
      text: "The room was deleted.",
      messages: [],
      status: "idle",
      headSeq: 0,
    });
  });

  test("of rooms that nobody asked for are ignored", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby();
    await respond(call, { events: [posted(1, { room: "elsewhere" })] });
    expect(h.client.room("elsewhere").getSnapshot().messages).toEqual([]);
  });

  test("of one response are announced once", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const listener = vi.fn();
    room.subscribe(listener);
    await respond(call, { events: [posted(1), posted(2), posted(3)] });
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("with data bodies and data that is not text show both", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const value = { type: "game.v1.Move", value: new Uint8Array([1, 2]) };
    await respond(call, { events: [posted(1, { body: { case: "data", value } })] });
    expect(room.getSnapshot().messages[0]).toMatchObject({ text: "", data: value });
  });
});

describe("after a break", () => {
  test("goes on behind the last event: what was missed is replayed, with its count", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1)]);
    const before = room.getSnapshot().messages[0];
    const { call, join } = await reconnect(h);
    expect(room.getSnapshot()).toMatchObject({ status: "joining", messages: [before] });
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 1n } } });
    await respond(call, { replies: [joinResult(join, 4, { resumed: true })] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 3 });
    await respond(call, { events: [posted(2), posted(3)] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 1 });
    await respond(call, { events: [posted(4)] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", missing: 0 });
    expect(room.getSnapshot().messages[0]).toBe(before);
  });

  test("takes replayed messages in the newer form that they may have", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1)]);
    const { call, join } = await reconnect(h);
    const final = message(2, { rev: 3n, body: { case: "text", value: "final" } });
    await respond(call, {
      replies: [joinResult(join, 3, { resumed: true })],
      events: [about("posted", final, 2n), about("edited", final, 3n)],
    });
    expect(texts(room)).toEqual(["message 1", "final"]);
    expect(room.getSnapshot().status).toBe("live");
  });

  test("over messages that left the room meanwhile, those behind them are shown", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2)]);
    const { call, join } = await reconnect(h);
    const gone = [3n, 4n].map((rev) => ({ room: "lobby", rev }));
    const trimmed = { room: "lobby", rev: 7n, kind: { case: "trimmed" as const, value: { firstSeq: 5n } } };
    await respond(call, { replies: [joinResult(join, 7, { resumed: true, headSeq: 6 })] });
    await respond(call, { events: [...gone, posted(5), posted(6), trimmed] });
    expect(texts(room)).toEqual(["message 5", "message 6"]);
    expect(room.getSnapshot()).toMatchObject({ status: "live", hasOlder: false, unread: 2 });
  });

  test("a snapshot replaces everything", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2)]);
    const { call, join } = await reconnect(h);
    await respond(call, { replies: [joinResult(join, 900, { headSeq: 800 })] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 0 });
    const page = [message(799, { rev: 850n }), message(800, { rev: 900n })];
    await respond(call, { events: [snapshot(page)] });
    expect(texts(room)).toEqual(["message 799", "message 800"]);
    expect(room.getSnapshot()).toMatchObject({ status: "live", hasOlder: true, headSeq: 800 });
  });

  test("another epoch replaces everything, also with lower revs, and later resumes name it", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2)]);
    const { call, join } = await reconnect(h);
    const restored = message(1, { body: { case: "text", value: "restored" } });
    await respond(call, {
      replies: [joinResult(join, 1, { inEpoch: "epoch-2" })],
      events: [snapshot([restored], { epoch: "epoch-2" })],
    });
    expect(texts(room)).toEqual(["restored"]);
    const { join: next } = await reconnect(h);
    expect(next?.command.value).toMatchObject({ start: { value: { epoch: "epoch-2", rev: 1n } } });
  });

  test("a position that the server never reached is not taken for caught up before the snapshot", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2), message(3)]);
    const { call, join } = await reconnect(h);
    await respond(call, { replies: [joinResult(join, 2)] });
    expect(room.getSnapshot().status).toBe("catching-up");
    await respond(call, { events: [snapshot([message(1), message(2)])] });
    expect(room.getSnapshot().status).toBe("live");
    expect(texts(room)).toEqual(["message 1", "message 2"]);
  });

  test("from a server that never reached our position, the same rev may be another message", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2), message(3)]);
    const { call, join } = await reconnect(h);
    const restored = message(2, { body: { case: "text", value: "restored" } });
    await respond(call, {
      replies: [joinResult(join, 2)],
      events: [snapshot([message(1), restored], { reason: SnapshotReason.UNKNOWN_POSITION })],
    });
    expect(texts(room)).toEqual(["message 1", "restored"]);
  });

  test.each([
    [SnapshotReason.TOO_FAR_BEHIND, "far-behind"],
    [SnapshotReason.EPOCH_CHANGED, "restored"],
    [SnapshotReason.UNKNOWN_POSITION, "restored"],
  ])("a reset is told with its reason: %s", async (reason, told) => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2)]);
    expect(room.getSnapshot().reset).toBeUndefined();
    const { call, join } = await reconnect(h);
    await respond(call, { replies: [joinResult(join, 3)], events: [snapshot([message(3)], { reason })] });
    const { reset } = room.getSnapshot();
    expect(reset).toEqual({ reason: told });
    await respond(call, { events: [posted(4)] });
    expect(room.getSnapshot().reset).toBe(reset);
  });

  test("two joined rooms resume, each from its own position", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby([message(1), message(2)]);
    h.client.room("attic").join();
    await respond(call, {
      events: [{ ...snapshot([message(7, { room: "attic" })]), room: "attic" }],
    });
    await h.lose();
    h.client.connect();
    h.transport.connected();
    const joins = (await takeRequests(h.call)).flatMap(({ command }) =>
      command.case === "join" ? [command.value] : [],
    );
    expect(joins.map(({ room, start }) => [room, start.case === "resume" && start.value.rev])).toEqual([
      ["lobby", 2n],
      ["attic", 7n],
    ]);
  });
});

describe("a snapshot in parts", () => {
  const parts = [
    snapshot([message(1)], { more: true }),
    snapshot([message(2)], { more: true, continued: true }),
    snapshot([message(3)], { continued: true }),
  ];

  test("is shown when it is whole, with the rev of its last part", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1, { rev: 1n })]);
    await respond(call, { events: parts.slice(0, 2) });
    expect(texts(room)).toEqual(["message 1"]);
    await respond(call, { events: parts.slice(2) });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
    await respond(call, { events: [posted(4)] });
    expect(texts(room)).toHaveLength(4);
  });

  test("that the connection cut off is forgotten: the next join resumes from the old position", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby([message(1)]);
    await respond(call, { events: parts.slice(0, 2) });
    const { call: next, join } = await reconnect(h);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 1n } } });
    await respond(next, { replies: [joinResult(join, 2, { resumed: true })], events: [posted(2)] });
    expect(texts(h.client.room("lobby"))).toEqual(["message 1", "message 2"]);
  });

  test("that begins anew is taken from its new beginning", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    await respond(call, { events: [...parts.slice(0, 1), ...parts] });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("whose beginning is missing is asked for again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: parts.slice(1) });
    expect(texts(room)).toEqual(["message 1"]);
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["join"]);
  });

  test("that another event interrupts is asked for again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [...parts.slice(0, 1), posted(2)] });
    expect(texts(room)).toEqual(["message 1"]);
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["join"]);
  });
});

describe("a gap", () => {
  test("is never jumped over: the room is joined again behind the last event", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [posted(3)] });
    expect(texts(room)).toEqual(["message 1"]);
    const [join, ...more] = await takeRequests(call);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 1n } } });
    await respond(call, { events: [posted(4)] });
    expect([...more, ...(await takeRequests(call))]).toEqual([]);
    await respond(call, {
      replies: [joinResult(join, 4, { resumed: true })],
      events: [posted(2), posted(3), posted(4)],
    });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3", "message 4"]);
    expect(room.getSnapshot().status).toBe("live");
  });

  test("that the new join does not mend leads to a fresh start, then to another connection", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby([message(1)]);
    const starts: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      await respond(call, { events: [posted(9)] });
      const [join] = await takeRequests(call);
      starts.push(join?.command.case === "join" && join.command.value.start.case);
      await respond(call, { replies: [joinResult(join, 1, { resumed: true })] });
    }
    expect(starts).toEqual(["resume", "history"]);
    await respond(call, { events: [posted(9)] });
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "protocol" } });
  });

  test("is no gap when events come twice", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2)]);
    await respond(call, { events: [posted(1), posted(2), posted(3)] });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
    expect(call.sent).toHaveLength(0);
  });
});

describe("history", () => {
  const { listMessages } = MessageService.method;

  function page(
    seqs: number[],
    { firstSeq = 1n, inEpoch = epoch, headRev = 1000n } = {},
  ): MessageInitShape<typeof ListMessagesResponseSchema> {
    const room = { id: "lobby", firstSeq, headRev };
    return { messages: seqs.map((seq) => message(seq)), room, epoch: inEpoch };
  }

  test("is loaded upwards until its beginning, read at least as new as what is shown", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(3), message(4)]);
    const loading = room.loadOlder();
    expect(room.getSnapshot().loadingOlder).toBe(true);
    const older = await lastCall(h, listMessages);
    const { request } = older;
    expect(request).toMatchObject({ room: "lobby", position: { case: "beforeSeq", value: 3n }, minRev: 4n });
    await older.answer(page([1, 2]));
    await loading;
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3", "message 4"]);
    expect(room.getSnapshot()).toMatchObject({ loadingOlder: false, hasOlder: false });
    const count = h.transport.unaries.length;
    await room.loadOlder();
    expect(h.transport.unaries).toHaveLength(count);
  });

  test("is asked for once while a page is under way", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(3)]);
    const both = [room.loadOlder(), room.loadOlder()];
    const older = await lastCall(h, listMessages);
    expect(h.transport.unaries).toHaveLength(1);
    await older.answer(page([1, 2]));
    await Promise.all(both);
    expect(texts(room)).toHaveLength(3);
  });

  test("ends where the server has nothing older", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const older = await lastCall(h, listMessages);
    await older.answer(page([], { firstSeq: 0n }));
    await loading;
    expect(room.getSnapshot().hasOlder).toBe(false);
  });

  test("of another epoch, or for a list that was reset since, is not mixed in", async () => {
    const h = new Harness();
    const { room, call: session } = await h.joinLobby([message(3)]);
    const first = room.loadOlder();
    let older = await lastCall(h, listMessages);
    await older.answer(page([1, 2], { inEpoch: "epoch-2" }));
    await first;
    expect(texts(room)).toEqual(["message 3"]);
    const second = room.loadOlder();
    older = await lastCall(h, listMessages);
    await respond(session, { events: [snapshot([message(900)])] });
    await older.answer(page([1, 2]));
    await second;
    expect(texts(room)).toEqual(["message 900"]);
  });

  /** Messages from..to, as they are posted. */
  const news = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => posted(from + i));

  /** Where the list begins and ends, which has no gap. */
  function stretch(room: Room): [first: number | undefined, last: number | undefined] {
    const seqs = room.getSnapshot().messages.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
    return [seqs[0], seqs.at(-1)];
  }

  test("is let go when there is much of it and nobody reads back, and can be loaded again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: news(2, 2200) });
    expect(stretch(room)).toEqual([1, 2200]);
    expect(room.getSnapshot().hasOlder).toBe(false);
    await respond(call, { events: [posted(2201), about("edited", message(7, { rev: 2202n }))] });
    expect(stretch(room)).toEqual([202, 2201]);
    expect(room.getSnapshot()).toMatchObject({ hasOlder: true, headSeq: 2201, unread: 2201 });

    const loading = room.loadOlder();
    const older = await lastCall(h, listMessages);
    const { request } = older;
    expect(request).toMatchObject({ position: { case: "beforeSeq", value: 202n }, minRev: 2202n });
    await older.answer(page([200, 201], { headRev: 2202n }));
    await loading;
    expect(stretch(room)).toEqual([200, 2201]);
  });

  test("stays while somebody reads back: after it was loaded, and when the application says so", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const older = await lastCall(h, listMessages);
    await older.answer(page([1, 2]));
    await loading;
    await respond(call, { events: news(4, 2500) });
    expect(stretch(room)).toEqual([1, 2500]);
    const listener = vi.fn();
    room.subscribe(listener);
    room.keepOlder(false);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(stretch(room)).toEqual([501, 2500]);
    room.keepOlder(true);
    await respond(call, { events: news(2501, 2800) });
    expect(stretch(room)).toEqual([501, 2800]);
  });

  test("of a room that was left is a page at most, and the next join continues at its position", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const older = await lastCall(h, listMessages);
    room.leave();
    await older.answer(page([1, 2]));
    await loading;
    expect(stretch(room)).toEqual([3, 3]);
    room.join();
    await respond(call, { events: news(4, 120) });
    expect(stretch(room)).toEqual([3, 120]);
    room.leave();
    expect(stretch(room)).toEqual([71, 120]);
    expect(room.getSnapshot().hasOlder).toBe(true);
    // What was on its way when it was left.
    await respond(call, { events: [posted(121)] });
    expect(stretch(room)).toEqual([72, 121]);
    await room.loadOlder();
    expect(stretch(room)).toEqual([72, 121]);
    await takeRequests(call);
    room.join();
    const [join] = await takeRequests(call);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 121n } } });
  });

  test("that cannot be loaded rejects, and can be asked for again", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const rejected = expect(loading).rejects.toMatchObject({ name: "ChatError", code: "UNAVAILABLE" });
    await lastCall(h, listMessages);
    await h.lose();
    await rejected;
    expect(room.getSnapshot()).toMatchObject({ loadingOlder: false, hasOlder: true });
  });
});

describe("presence", () => {
  const presence = (value: {
    reset?: boolean;
    joined?: (typeof ana)[];
    left?: string[];
    online: number;
  }): EventInit => ({ room: "lobby", kind: { case: "presence", value } });

  test("is replaced by a reset and amended by deltas", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const names = () => room.getSnapshot().online.map(({ name }) => name);
    await respond(call, { events: [presence({ reset: true, joined: [cy, ana], online: 2 })] });
    expect(names()).toEqual(["Ana", "Cy"]);
    await respond(call, { events: [presence({ joined: [bo], left: [cy.id], online: 2 })] });
    expect(names()).toEqual(["Ana", "Bo"]);
    await respond(call, { events: [presence({ reset: true, joined: [cy], online: 1 })] });
    expect(names()).toEqual(["Cy"]);
    expect(room.getSnapshot().onlineCount).toBe(1);
  });

  test("of a crowd is a number", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    await respond(call, { events: [presence({ reset: true, online: 1200 })] });
    expect(room.getSnapshot()).toMatchObject({ online: [], onlineCount: 1200 });
  });

  test("does not move the resume position", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [presence({ reset: true, joined: [bo], online: 1 }), posted(2)] });
    expect(texts(h.client.room("lobby"))).toHaveLength(2);
  });
});

describe("typing", () => {
  const typing = (user: typeof ana, value: boolean): EventInit => ({
    room: "lobby",
    kind: { case: "signaled", value: { user, signal: { case: "typing", value } } },
  });

  test("of others is shown for 6 seconds after their last signal", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const names = () => room.getSnapshot().typing.map(({ name }) => name);
    await respond(call, { events: [typing(bo, true), typing(cy, true)] });
    expect(names()).toEqual(["Bo", "Cy"]);
    await vi.advanceTimersByTimeAsync(4000);
    await respond(call, { events: [typing(bo, true)] });
    await vi.advanceTimersByTimeAsync(1999);
    expect(names()).toEqual(["Bo", "Cy"]);
    const listener = vi.fn();
    room.subscribe(listener);
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toEqual(["Bo"]);
    expect(listener).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(4000);
    expect(names()).toEqual([]);
  });

  test("ends with a false, a message, or the connection", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const count = () => room.getSnapshot().typing.length;
    await respond(call, { events: [typing(bo, true), typing(bo, false)] });
    expect(count()).toBe(0);
    await respond(call, { events: [typing(bo, true), posted(1)] });
    expect(count()).toBe(0);
    await respond(call, { events: [typing(bo, true)] });
    await h.lose();
    expect(count()).toBe(0);
  });

  test("of this user on another device is not shown", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    await respond(call, { events: [typing(ana, true)] });
    expect(room.getSnapshot().typing).toEqual([]);
  });

  test("of one's own is sent at most every 3 seconds, and its end at once", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const sent = async () =>
      (await takeRequests(call)).map(({ command }) => command.case === "signal" && command.value.signal.value);
    for (let i = 0; i < 10; i++) {
      room.setTyping(true);
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(await sent()).toEqual([true]);
    room.setTyping(true);
    room.setTyping(false);
    room.setTyping(false);
    expect(await sent()).toEqual([true, false]);
    room.setTyping(true);
    room.send("hello");
    room.setTyping(false);
    expect((await takeRequests(call)).map(({ command }) => command.case)).toEqual(["signal", "publish"]);
  });

  test("is not sent without a session", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby();
    await h.lose();
    room.setTyping(true);
    h.client.connect();
    await h.accept();
    expect((await takeRequests(h.call)).some(({ command }) => command.case === "signal")).toBe(false);
  });
});

describe("the read marker", () => {
  const marker = (seq: number): EventInit => ({
    room: "lobby",
    kind: { case: "read", value: { room: "lobby", seq: BigInt(seq) } },
  });
  const marks = async (h: Harness) =>
    (await takeRequests(h.call)).flatMap(({ command }) =>
      command.case === "markRead" ? [Number(command.value.seq)] : [],
    );

  test("moves at once and is sent at most once a second; the last one wins", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2), message(3), message(4)]);
    for (const seq of [1, 2, 3]) {
      room.markRead(seq);
    }
    expect(room.getSnapshot()).toMatchObject({ readSeq: 3, unread: 1 });
    expect(await marks(h)).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await marks(h)).toEqual([3]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await marks(h)).toEqual([]);
  });

  test("is what the server says at the join, and later from another device", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2), message(3)]);
    expect(room.getSnapshot().unread).toBe(3);
    await respond(call, { events: [marker(3)] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 3, unread: 0 });
    await respond(call, { events: [marker(1)] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 1, unread: 2 });
  });

  test("stays where this client wished it until that is answered", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2), message(3)]);
    room.markRead(3);
    await respond(call, { events: [marker(1)] });
    expect(room.getSnapshot().readSeq).toBe(3);
    const [request] = await takeRequests(call);
    const read = { room: "lobby", seq: 2n };
    await respond(call, {
      replies: [{ requestId: request?.requestId ?? "", result: { case: "markRead", value: { read } } }],
    });
    expect(room.getSnapshot().readSeq).toBe(2);
  });

  test("that was moved behind the join stays there, though the join's answer comes later", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1), message(2)]);
    const { call, join } = await reconnect(h);
    const read: EventInit = { room: "lobby", kind: { case: "read", value: { room: "lobby", seq: 2n } } };
    await respond(call, { events: [read], replies: [joinResult(join, 2, { resumed: true, readSeq: 1 })] });
    expect(room.getSnapshot().readSeq).toBe(2);
    const again = await reconnect(h);
    await respond(again.call, { replies: [joinResult(again.join, 2, { resumed: true, readSeq: 1 })] });
    expect(room.getSnapshot().readSeq).toBe(1);
  });

  test("goes back to what is true when it is refused", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    room.markRead(9);
    const [request] = await takeRequests(call);
    await respond(call, { replies: [errorReply(request, status(code.notFound, "no"))] });
    expect(room.getSnapshot().readSeq).toBe(0);
  });

  test("that was moved without a connection is sent with the next", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1)]);
    await h.lose();
    room.markRead(1);
    await vi.advanceTimersByTimeAsync(0);
    h.client.connect();
    await h.accept();
    expect(await marks(h)).toEqual([1]);
  });

  test("follows one's own messages", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [posted(2, { sender: ana })] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 2, unread: 0 });
  });
});

test("the events of the session itself, of kinds that are not known, do no harm", async () => {
  const h = new Harness();
  const { call } = await h.joinLobby();
  const unknown = { ...create(EventSchema), $unknown: [{ no: 4000, wireType: 0, data: new Uint8Array([1]) }] };
  await respond(call, { events: [unknown, welcome()] });
  expect(h.connection.status).toBe("live");
});
