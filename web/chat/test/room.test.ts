import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Room } from "@rialto/chat";
import { EventSchema, SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { ListMessagesRequestSchema, ListMessagesResponseSchema } from "@rialto/gen/rialto/chat/v1/message_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { answerCall, lastCall } from "./calls.js";
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

/** Breaks the connection, comes back, and returns the new socket and the join it was sent. */
function reconnect(h: Harness) {
  h.socket.end(1006);
  h.client.connect();
  const socket = h.accept();
  const join = takeRequests(socket).find(({ command }) => command.case === "join");
  return { socket, join };
}

describe("joining", () => {
  test("asks for the newest page and shows it", () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    expect(room.getSnapshot()).toMatchObject({ status: "idle", messages: [], hasOlder: false });
    room.join();
    expect(room.getSnapshot().status).toBe("joining");
    h.client.connect();
    const socket = h.accept();
    const join = takeRequests(socket).find(({ command }) => command.case === "join");
    expect(join?.command.value).toMatchObject({ room: "lobby", start: { case: "history", value: 50 } });
    respond(socket, { replies: [joinResult(join, 8, { headSeq: 8 })] });
    expect(room.getSnapshot().status).toBe("catching-up");
    respond(socket, { events: [snapshot([message(7), message(8)], { room: { title: "The lobby" } })] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", title: "The lobby", headSeq: 8, unread: 8 });
    expect(texts(room)).toEqual(["message 7", "message 8"]);
    expect(room.getSnapshot().hasOlder).toBe(true);
  });

  test("is live too when the snapshot comes before the reply", () => {
    const h = new Harness();
    expect(h.joinLobby([message(1)]).room.getSnapshot().status).toBe("live");
  });

  test("an empty room that does not exist is live at once, and its first message is number 1", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    expect(room.getSnapshot()).toMatchObject({ status: "live", messages: [], hasOlder: false, unread: 0 });
    respond(socket, { events: [posted(1)] });
    expect(room.getSnapshot()).toMatchObject({ headSeq: 1, unread: 1, hasOlder: false });
  });

  test("is counted: one of two leaves changes nothing, the second leaves and keeps the messages", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    room.join();
    room.leave();
    expect(takeRequests(socket)).toEqual([]);
    room.leave();
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["leave"]);
    expect(room.getSnapshot().status).toBe("idle");
    expect(texts(room)).toEqual(["message 1"]);
    room.leave();
    expect(takeRequests(socket)).toEqual([]);
    room.join();
    const [again] = takeRequests(socket);
    expect(again?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 1n } } });
  });

  test("that is refused says why and goes on with the session", () => {
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    const room = h.client.room("No Such Id");
    room.join();
    const [, join] = takeRequests(socket);
    respond(socket, { replies: [errorReply(join, status(code.invalidArgument, "bad id", { field: "room" }))] });
    const { error, ...shown } = room.getSnapshot();
    expect(shown.status).toBe("idle");
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", violations: [{ field: "room", description: "bad id" }] });
    expect(h.connection.status).toBe("live");
  });

  test("is repeated after what the server asks for when it cannot be done yet", () => {
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    h.client.room("lobby").join();
    const [, join] = takeRequests(socket);
    const busy = status(code.unavailable, "not yet", { retryAfterMs: 2000 });
    respond(socket, { replies: [errorReply(join, busy)] });
    vi.advanceTimersByTime(1999);
    expect(socket.sent).toHaveLength(0);
    vi.advanceTimersByTime(501);
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["join"]);
  });
});

describe("events", () => {
  test("change messages in place: edits, tombstones, reactions", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1), message(2), message(3)]);
    const editTime = timestampFromMs(1_700_000_001_000);
    const reactions = [{ emoji: "👍", userIds: [ana.id] }];
    respond(socket, {
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

  test("of a kind that is not known move the position all the same", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: [{ room: "lobby", rev: 2n }, posted(2, { rev: 3n })] });
    expect(texts(room)).toEqual(["message 1", "message 2"]);
    const { join } = reconnect(h);
    expect(join?.command.value).toMatchObject({ start: { value: { rev: 3n } } });
  });

  test("change the title", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    const value = { id: "lobby", title: "News", firstSeq: 1n, headSeq: 1n, headRev: 2n };
    respond(socket, { events: [{ room: "lobby", rev: 2n, kind: { case: "roomChanged", value } }] });
    expect(room.getSnapshot().title).toBe("News");
  });

  test("of rooms that nobody asked for are ignored", () => {
    const h = new Harness();
    const { socket } = h.joinLobby();
    respond(socket, { events: [posted(1, { room: "elsewhere" })] });
    expect(h.client.room("elsewhere").getSnapshot().messages).toEqual([]);
  });

  test("of one response are announced once", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const listener = vi.fn();
    room.subscribe(listener);
    respond(socket, { events: [posted(1), posted(2), posted(3)] });
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("with data bodies and data that is not text show both", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const value = { type: "game.v1.Move", value: new Uint8Array([1, 2]) };
    respond(socket, { events: [posted(1, { body: { case: "data", value } })] });
    expect(room.getSnapshot().messages[0]).toMatchObject({ text: "", data: value });
  });
});

describe("after a break", () => {
  test("goes on behind the last event: what was missed is replayed, with its count", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1)]);
    const before = room.getSnapshot().messages[0];
    const { socket, join } = reconnect(h);
    expect(room.getSnapshot()).toMatchObject({ status: "joining", messages: [before] });
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 1n } } });
    respond(socket, { replies: [joinResult(join, 4, { resumed: true })] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 3 });
    respond(socket, { events: [posted(2), posted(3)] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 1 });
    respond(socket, { events: [posted(4)] });
    expect(room.getSnapshot()).toMatchObject({ status: "live", missing: 0 });
    expect(room.getSnapshot().messages[0]).toBe(before);
  });

  test("takes replayed messages in the newer form that they may have", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1)]);
    const { socket, join } = reconnect(h);
    const final = message(2, { rev: 3n, body: { case: "text", value: "final" } });
    respond(socket, {
      replies: [joinResult(join, 3, { resumed: true })],
      events: [about("posted", final, 2n), about("edited", final, 3n)],
    });
    expect(texts(room)).toEqual(["message 1", "final"]);
    expect(room.getSnapshot().status).toBe("live");
  });

  test("a snapshot replaces everything", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1), message(2)]);
    const { socket, join } = reconnect(h);
    respond(socket, { replies: [joinResult(join, 900, { headSeq: 800 })] });
    expect(room.getSnapshot()).toMatchObject({ status: "catching-up", missing: 0 });
    const page = [message(799, { rev: 850n }), message(800, { rev: 900n })];
    respond(socket, { events: [snapshot(page)] });
    expect(texts(room)).toEqual(["message 799", "message 800"]);
    expect(room.getSnapshot()).toMatchObject({ status: "live", hasOlder: true, headSeq: 800 });
  });

  test("another epoch replaces everything, also with lower revs, and later resumes name it", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1), message(2)]);
    const { socket, join } = reconnect(h);
    const restored = message(1, { body: { case: "text", value: "restored" } });
    respond(socket, {
      replies: [joinResult(join, 1, { inEpoch: "epoch-2" })],
      events: [snapshot([restored], { epoch: "epoch-2" })],
    });
    expect(texts(room)).toEqual(["restored"]);
    const { join: next } = reconnect(h);
    expect(next?.command.value).toMatchObject({ start: { value: { epoch: "epoch-2", rev: 1n } } });
  });

  test("a position that the server never reached is not taken for caught up before the snapshot", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1), message(2), message(3)]);
    const { socket, join } = reconnect(h);
    respond(socket, { replies: [joinResult(join, 2)] });
    expect(room.getSnapshot().status).toBe("catching-up");
    respond(socket, { events: [snapshot([message(1), message(2)])] });
    expect(room.getSnapshot().status).toBe("live");
    expect(texts(room)).toEqual(["message 1", "message 2"]);
  });

  test("from a server that never reached our position, the same rev may be another message", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1), message(2), message(3)]);
    const { socket, join } = reconnect(h);
    const restored = message(2, { body: { case: "text", value: "restored" } });
    respond(socket, {
      replies: [joinResult(join, 2)],
      events: [snapshot([message(1), restored], { reason: SnapshotReason.UNKNOWN_POSITION })],
    });
    expect(texts(room)).toEqual(["message 1", "restored"]);
  });

  test("two joined rooms resume, each from its own position", () => {
    const h = new Harness();
    const { socket } = h.joinLobby([message(1), message(2)]);
    h.client.room("attic").join();
    respond(socket, {
      events: [{ ...snapshot([message(7, { room: "attic" })]), room: "attic" }],
    });
    h.socket.end(1006);
    h.client.connect();
    h.socket.open();
    const joins = takeRequests(h.socket).flatMap(({ command }) => (command.case === "join" ? [command.value] : []));
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

  test("is shown when it is whole, with the rev of its last part", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1, { rev: 1n })]);
    respond(socket, { events: parts.slice(0, 2) });
    expect(texts(room)).toEqual(["message 1"]);
    respond(socket, { events: parts.slice(2) });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
    respond(socket, { events: [posted(4)] });
    expect(texts(room)).toHaveLength(4);
  });

  test("that the connection cut off is forgotten: the next join resumes from the old position", () => {
    const h = new Harness();
    const { socket } = h.joinLobby([message(1)]);
    respond(socket, { events: parts.slice(0, 2) });
    const { socket: next, join } = reconnect(h);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 1n } } });
    respond(next, { replies: [joinResult(join, 2, { resumed: true })], events: [posted(2)] });
    expect(texts(h.client.room("lobby"))).toEqual(["message 1", "message 2"]);
  });

  test("that begins anew is taken from its new beginning", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    respond(socket, { events: [...parts.slice(0, 1), ...parts] });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("whose beginning is missing is asked for again", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: parts.slice(1) });
    expect(texts(room)).toEqual(["message 1"]);
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["join"]);
  });

  test("that another event interrupts is asked for again", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: [...parts.slice(0, 1), posted(2)] });
    expect(texts(room)).toEqual(["message 1"]);
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["join"]);
  });
});

describe("a gap", () => {
  test("is never jumped over: the room is joined again behind the last event", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: [posted(3)] });
    expect(texts(room)).toEqual(["message 1"]);
    const [join, ...more] = takeRequests(socket);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 1n } } });
    respond(socket, { events: [posted(4)] });
    expect([...more, ...takeRequests(socket)]).toEqual([]);
    respond(socket, {
      replies: [joinResult(join, 4, { resumed: true })],
      events: [posted(2), posted(3), posted(4)],
    });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3", "message 4"]);
    expect(room.getSnapshot().status).toBe("live");
  });

  test("that the new join does not mend leads to a fresh start, then to another connection", () => {
    const h = new Harness();
    const { socket } = h.joinLobby([message(1)]);
    const starts: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      respond(socket, { events: [posted(9)] });
      const [join] = takeRequests(socket);
      starts.push(join?.command.case === "join" && join.command.value.start.case);
      respond(socket, { replies: [joinResult(join, 1, { resumed: true })] });
    }
    expect(starts).toEqual(["resume", "history"]);
    respond(socket, { events: [posted(9)] });
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "protocol" } });
  });

  test("is no gap when events come twice", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1), message(2)]);
    respond(socket, { events: [posted(1), posted(2), posted(3)] });
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3"]);
    expect(socket.sent).toHaveLength(0);
  });
});

describe("history", () => {
  function page(seqs: number[], { firstSeq = 1n, inEpoch = epoch, headRev = 1000n } = {}): Uint8Array {
    const room = { id: "lobby", firstSeq, headRev };
    const messages = seqs.map((seq) => message(seq));
    return toBinary(ListMessagesResponseSchema, create(ListMessagesResponseSchema, { messages, room, epoch: inEpoch }));
  }

  test("is loaded upwards until its beginning, read at least as new as what is shown", async () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(3), message(4)]);
    const loading = room.loadOlder();
    expect(room.getSnapshot().loadingOlder).toBe(true);
    const { socket, request } = await lastCall(
      h,
      "rialto.chat.v1.MessageService/ListMessages",
      ListMessagesRequestSchema,
    );
    expect(request).toMatchObject({ room: "lobby", position: { case: "beforeSeq", value: 3n }, minRev: 4n });
    answerCall(socket, page([1, 2]));
    await loading;
    expect(texts(room)).toEqual(["message 1", "message 2", "message 3", "message 4"]);
    expect(room.getSnapshot()).toMatchObject({ loadingOlder: false, hasOlder: false });
    const sockets = h.sockets.length;
    await room.loadOlder();
    expect(h.sockets).toHaveLength(sockets);
  });

  test("is asked for once while a page is under way", async () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(3)]);
    const both = [room.loadOlder(), room.loadOlder()];
    const { socket } = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    expect(h.sockets).toHaveLength(2);
    answerCall(socket, page([1, 2]));
    await Promise.all(both);
    expect(texts(room)).toHaveLength(3);
  });

  test("ends where the server has nothing older", async () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const { socket } = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    answerCall(socket, page([], { firstSeq: 0n }));
    await loading;
    expect(room.getSnapshot().hasOlder).toBe(false);
  });

  test("of another epoch, or for a list that was reset since, is not mixed in", async () => {
    const h = new Harness();
    const { room, socket: session } = h.joinLobby([message(3)]);
    const first = room.loadOlder();
    let call = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    answerCall(call.socket, page([1, 2], { inEpoch: "epoch-2" }));
    await first;
    expect(texts(room)).toEqual(["message 3"]);
    const second = room.loadOlder();
    call = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    respond(session, { events: [snapshot([message(900)])] });
    answerCall(call.socket, page([1, 2]));
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
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: news(2, 2200) });
    expect(stretch(room)).toEqual([1, 2200]);
    expect(room.getSnapshot().hasOlder).toBe(false);
    respond(socket, { events: [posted(2201), about("edited", message(7, { rev: 2202n }))] });
    expect(stretch(room)).toEqual([202, 2201]);
    expect(room.getSnapshot()).toMatchObject({ hasOlder: true, headSeq: 2201, unread: 2201 });

    const loading = room.loadOlder();
    const { socket: call, request } = await lastCall(
      h,
      "rialto.chat.v1.MessageService/ListMessages",
      ListMessagesRequestSchema,
    );
    expect(request).toMatchObject({ position: { case: "beforeSeq", value: 202n }, minRev: 2202n });
    answerCall(call, page([200, 201], { headRev: 2202n }));
    await loading;
    expect(stretch(room)).toEqual([200, 2201]);
  });

  test("stays while somebody reads back: after it was loaded, and when the application says so", async () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const { socket: call } = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    answerCall(call, page([1, 2]));
    await loading;
    respond(socket, { events: news(4, 2500) });
    expect(stretch(room)).toEqual([1, 2500]);
    const listener = vi.fn();
    room.subscribe(listener);
    room.keepOlder(false);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(stretch(room)).toEqual([501, 2500]);
    room.keepOlder(true);
    respond(socket, { events: news(2501, 2800) });
    expect(stretch(room)).toEqual([501, 2800]);
  });

  test("of a room that was left is a page at most, and the next join continues at its position", async () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const { socket: call } = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    room.leave();
    answerCall(call, page([1, 2]));
    await loading;
    expect(stretch(room)).toEqual([3, 3]);
    room.join();
    respond(socket, { events: news(4, 120) });
    expect(stretch(room)).toEqual([3, 120]);
    room.leave();
    expect(stretch(room)).toEqual([71, 120]);
    expect(room.getSnapshot().hasOlder).toBe(true);
    // What was on its way when it was left.
    respond(socket, { events: [posted(121)] });
    expect(stretch(room)).toEqual([72, 121]);
    await room.loadOlder();
    expect(stretch(room)).toEqual([72, 121]);
    takeRequests(socket);
    room.join();
    const [join] = takeRequests(socket);
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { epoch, rev: 121n } } });
  });

  test("that cannot be loaded rejects, and can be asked for again", async () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(3)]);
    const loading = room.loadOlder();
    const rejected = expect(loading).rejects.toMatchObject({ name: "ChatError", code: "UNAVAILABLE" });
    const { socket } = await lastCall(h, "rialto.chat.v1.MessageService/ListMessages", ListMessagesRequestSchema);
    socket.end(1006);
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

  test("is replaced by a reset and amended by deltas", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const names = () => room.getSnapshot().online.map(({ name }) => name);
    respond(socket, { events: [presence({ reset: true, joined: [cy, ana], online: 2 })] });
    expect(names()).toEqual(["Ana", "Cy"]);
    respond(socket, { events: [presence({ joined: [bo], left: [cy.id], online: 2 })] });
    expect(names()).toEqual(["Ana", "Bo"]);
    respond(socket, { events: [presence({ reset: true, joined: [cy], online: 1 })] });
    expect(names()).toEqual(["Cy"]);
    expect(room.getSnapshot().onlineCount).toBe(1);
  });

  test("of a crowd is a number", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    respond(socket, { events: [presence({ reset: true, online: 1200 })] });
    expect(room.getSnapshot()).toMatchObject({ online: [], onlineCount: 1200 });
  });

  test("does not move the resume position", () => {
    const h = new Harness();
    const { socket } = h.joinLobby([message(1)]);
    respond(socket, { events: [presence({ reset: true, joined: [bo], online: 1 }), posted(2)] });
    expect(texts(h.client.room("lobby"))).toHaveLength(2);
  });
});

describe("typing", () => {
  const typing = (user: typeof ana, value: boolean): EventInit => ({
    room: "lobby",
    kind: { case: "signaled", value: { user, signal: { case: "typing", value } } },
  });

  test("of others is shown for 6 seconds after their last signal", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const names = () => room.getSnapshot().typing.map(({ name }) => name);
    respond(socket, { events: [typing(bo, true), typing(cy, true)] });
    expect(names()).toEqual(["Bo", "Cy"]);
    vi.advanceTimersByTime(4000);
    respond(socket, { events: [typing(bo, true)] });
    vi.advanceTimersByTime(1999);
    expect(names()).toEqual(["Bo", "Cy"]);
    const listener = vi.fn();
    room.subscribe(listener);
    vi.advanceTimersByTime(1);
    expect(names()).toEqual(["Bo"]);
    expect(listener).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(4000);
    expect(names()).toEqual([]);
  });

  test("ends with a false, a message, or the connection", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const count = () => room.getSnapshot().typing.length;
    respond(socket, { events: [typing(bo, true), typing(bo, false)] });
    expect(count()).toBe(0);
    respond(socket, { events: [typing(bo, true), posted(1)] });
    expect(count()).toBe(0);
    respond(socket, { events: [typing(bo, true)] });
    h.socket.end(1006);
    expect(count()).toBe(0);
  });

  test("of this user on another device is not shown", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    respond(socket, { events: [typing(ana, true)] });
    expect(room.getSnapshot().typing).toEqual([]);
  });

  test("of one's own is sent at most every 3 seconds, and its end at once", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const sent = () =>
      takeRequests(socket).map(({ command }) => command.case === "signal" && command.value.signal.value);
    for (let i = 0; i < 10; i++) {
      room.setTyping(true);
      vi.advanceTimersByTime(300);
    }
    expect(sent()).toEqual([true]);
    room.setTyping(true);
    room.setTyping(false);
    room.setTyping(false);
    expect(sent()).toEqual([true, false]);
    room.setTyping(true);
    room.send("hello");
    room.setTyping(false);
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["signal", "publish"]);
  });

  test("is not sent without a session", () => {
    const h = new Harness();
    const { room } = h.joinLobby();
    h.socket.end(1006);
    room.setTyping(true);
    h.client.connect();
    h.accept();
    expect(takeRequests(h.socket).some(({ command }) => command.case === "signal")).toBe(false);
  });
});

describe("the read marker", () => {
  const marker = (seq: number): EventInit => ({
    room: "lobby",
    kind: { case: "read", value: { room: "lobby", seq: BigInt(seq) } },
  });
  const marks = (h: Harness) =>
    takeRequests(h.socket).flatMap(({ command }) => (command.case === "markRead" ? [Number(command.value.seq)] : []));

  test("moves at once and is sent at most once a second; the last one wins", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1), message(2), message(3), message(4)]);
    for (const seq of [1, 2, 3]) {
      room.markRead(seq);
    }
    expect(room.getSnapshot()).toMatchObject({ readSeq: 3, unread: 1 });
    expect(marks(h)).toEqual([1]);
    vi.advanceTimersByTime(1000);
    expect(marks(h)).toEqual([3]);
    vi.advanceTimersByTime(5000);
    expect(marks(h)).toEqual([]);
  });

  test("is what the server says at the join, and later from another device", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1), message(2), message(3)]);
    expect(room.getSnapshot().unread).toBe(3);
    respond(socket, { events: [marker(3)] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 3, unread: 0 });
    respond(socket, { events: [marker(1)] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 1, unread: 2 });
  });

  test("stays where this client wished it until that is answered", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1), message(2), message(3)]);
    room.markRead(3);
    respond(socket, { events: [marker(1)] });
    expect(room.getSnapshot().readSeq).toBe(3);
    const [request] = takeRequests(socket);
    const read = { room: "lobby", seq: 2n };
    respond(socket, {
      replies: [{ requestId: request?.requestId ?? "", result: { case: "markRead", value: { read } } }],
    });
    expect(room.getSnapshot().readSeq).toBe(2);
  });

  test("goes back to what is true when it is refused", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    room.markRead(9);
    const [request] = takeRequests(socket);
    respond(socket, { replies: [errorReply(request, status(code.notFound, "no"))] });
    expect(room.getSnapshot().readSeq).toBe(0);
  });

  test("that was moved without a connection is sent with the next", () => {
    const h = new Harness();
    const { room } = h.joinLobby([message(1)]);
    h.socket.end(1006);
    room.markRead(1);
    vi.advanceTimersByTime(0);
    h.client.connect();
    h.accept();
    expect(marks(h)).toEqual([1]);
  });

  test("follows one's own messages", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1)]);
    respond(socket, { events: [posted(2, { sender: ana })] });
    expect(room.getSnapshot()).toMatchObject({ readSeq: 2, unread: 0 });
  });
});

test("the events of the session itself, of kinds that are not known, do no harm", () => {
  const h = new Harness();
  const { socket } = h.joinLobby();
  const unknown = { ...create(EventSchema), $unknown: [{ no: 4000, wireType: 0, data: new Uint8Array([1]) }] };
  respond(socket, { events: [unknown, welcome()] });
  expect(h.connection.status).toBe("live");
});
