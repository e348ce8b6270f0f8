import type { Room } from "@rialto/chat";
import { SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FakeSocket } from "./fake-socket.js";
import { Harness, texts } from "./harness.js";
import {
  ana,
  bo,
  code,
  errorReply,
  joinResult,
  message,
  posted,
  publishResult,
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

/** The publishes that the client sent, with their ids. */
function takePublishes(socket: FakeSocket) {
  return takeRequests(socket).flatMap((request) =>
    request.command.case === "publish"
      ? [{ request, clientId: request.command.value.clientId, text: request.command.value.body.value }]
      : [],
  );
}

function pending(room: Room) {
  return room.getSnapshot().pending.map(({ text, status: state }) => `${state} ${text}`);
}

/** The event of a message of Ana's. */
function mine(seq: number, clientId: string, text: string) {
  return posted(seq, { sender: ana, clientId, body: { case: "text", value: text } });
}

test("a message is pending at once and in the room exactly once, whichever of reply and event comes first", () => {
  for (const order of ["reply first", "event first", "together"]) {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    expect(clientId).toMatch(/^[0-9a-f]{32}$/);
    expect(pending(room)).toEqual(["sending hello"]);
    const [publish] = takePublishes(socket);
    expect(publish).toMatchObject({ clientId, text: "hello" });
    const replies = [publishResult(publish?.request, 1)];
    const events = [mine(1, clientId, "hello")];
    if (order === "together") {
      respond(socket, { replies, events });
    } else {
      respond(socket, order === "reply first" ? { replies } : { events });
      expect(pending(room).length + texts(room).length, order).toBe(1);
      respond(socket, order === "reply first" ? { events } : { replies });
    }
    expect(pending(room), order).toEqual([]);
    expect(texts(room), order).toEqual(["hello"]);
  }
});

test("a message of somebody else with the same client id settles nothing", () => {
  const h = new Harness();
  const { room, socket } = h.joinLobby();
  const clientId = room.send("mine");
  respond(socket, { events: [posted(1, { sender: bo, clientId })] });
  expect(pending(room)).toEqual(["sending mine"]);
});

test("messages sent without a connection go out with the next, in order, after the welcome", () => {
  const h = new Harness();
  const room = h.client.room("lobby");
  const ids = ["one", "two", "three"].map((text) => room.send(text));
  h.client.connect();
  h.socket.open();
  expect(takePublishes(h.socket)).toEqual([]);
  respond(h.socket, { events: [welcome()] });
  expect(takePublishes(h.socket).map(({ clientId }) => clientId)).toEqual(ids);
});

describe("a break", () => {
  test("sends what was not confirmed again, in order, under the same ids, and the rest not", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const [one, two, three] = ["one", "two", "three"].map((text) => room.send(text));
    const publishes = takePublishes(socket);
    respond(socket, { replies: [publishResult(publishes[0]?.request, 1)], events: [mine(1, one ?? "", "one")] });
    socket.end(1006);
    expect(pending(room)).toEqual(["sending two", "sending three"]);
    h.client.connect();
    const next = h.accept();
    const again = takeRequests(next);
    const join = again.find(({ command }) => command.case === "join");
    const resent = again.filter(({ command }) => command.case === "publish");
    expect(resent.map(({ command }) => command.case === "publish" && command.value.clientId)).toEqual([two, three]);
    // "two" had arrived: it is replayed, and its repetition answered as a duplicate.
    respond(next, {
      replies: [joinResult(join, 2, { resumed: true }), publishResult(resent[0], 2, true), publishResult(resent[1], 3)],
      events: [mine(2, two ?? "", "two"), mine(3, three ?? "", "three")],
    });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["one", "two", "three"]);
  });

  test("between the reply and the event: the message is not sent again, and comes with the replay", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = takePublishes(socket);
    respond(socket, { replies: [publishResult(publish?.request, 1)] });
    socket.end(1006);
    expect(pending(room)).toEqual(["sending hello"]);
    h.client.connect();
    const next = h.accept();
    expect(takePublishes(next)).toEqual([]);
    respond(next, { events: [mine(1, clientId, "hello")] });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["hello"]);
  });

  test("after which the message lies above the newest page ends its waiting all the same", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    room.send("hello");
    socket.end(1006);
    h.client.connect();
    const next = h.accept();
    const requests = takeRequests(next);
    const join = requests.find(({ command }) => command.case === "join");
    const resent = requests.find(({ command }) => command.case === "publish");
    respond(next, {
      replies: [joinResult(join, 900, { headSeq: 900 })],
      events: [snapshot([message(899), message(900)])],
    });
    expect(pending(room)).toEqual(["sending hello"]);
    respond(next, { replies: [publishResult(resent, 5, true)] });
    expect(pending(room)).toEqual([]);
  });

  test("after which the server was restored from a backup: what it had confirmed is sent again", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    respond(socket, { replies: [publishResult(takePublishes(socket)[0]?.request, 1)] });
    socket.end(1006);
    h.client.connect();
    const next = h.accept();
    const join = takeRequests(next).find(({ command }) => command.case === "join");
    respond(next, {
      replies: [joinResult(join, 0, { inEpoch: "epoch-2" })],
      events: [snapshot([], { epoch: "epoch-2" })],
    });
    expect(takePublishes(next).map((publish) => publish.clientId)).toEqual([clientId]);
  });

  test("after which the server never reached what it had confirmed, under the same epoch: it is sent again", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby([message(1), message(2)]);
    const clientId = room.send("hello");
    respond(socket, { replies: [publishResult(takePublishes(socket)[0]?.request, 3)] });
    socket.end(1006);
    h.client.connect();
    const next = h.accept();
    const join = takeRequests(next).find(({ command }) => command.case === "join");
    respond(next, {
      replies: [joinResult(join, 1)],
      events: [snapshot([message(1)], { reason: SnapshotReason.UNKNOWN_POSITION })],
    });
    expect(takePublishes(next).map((publish) => publish.clientId)).toEqual([clientId]);
  });

  test("with the server's verdict of another identity: what may have arrived is not said twice", () => {
    const h = new Harness();
    h.tokens.set("stale");
    const { room, socket } = h.joinLobby();
    room.send("sent as Ana");
    socket.end(1006);
    room.send("not sent yet");
    h.client.connect();
    h.socket.open();
    h.socket.end(4016, "expired");
    const next = h.accept(welcome({ ...ana, id: "guest-other" }, "new"));
    expect(takePublishes(next).map(({ text }) => text)).toEqual(["not sent yet"]);
    expect(pending(room)).toEqual(["failed sent as Ana", "sending not sent yet"]);
    const [failed] = room.getSnapshot().pending;
    expect(failed?.error?.code).toBe("ABORTED");
    room.retry(failed?.clientId ?? "");
    expect(takePublishes(next).map(({ text }) => text)).toEqual(["sent as Ana"]);
  });
});

describe("a refusal", () => {
  test("makes the message failed, with the reason; retry sends the same message", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = takePublishes(socket);
    const busy = status(code.resourceExhausted, "slow down", { retryAfterMs: 1500 });
    respond(socket, { replies: [errorReply(publish?.request, busy)] });
    expect(room.getSnapshot().pending).toMatchObject([
      { clientId, status: "failed", error: { code: "RESOURCE_EXHAUSTED", message: "slow down", retryAfterMs: 1500 } },
    ]);
    vi.advanceTimersByTime(10_000);
    expect(takePublishes(socket)).toEqual([]);
    room.retry(clientId);
    expect(room.getSnapshot().pending).toMatchObject([{ clientId, status: "sending" }]);
    expect(room.getSnapshot().pending[0]).not.toHaveProperty("error");
    const [again] = takePublishes(socket);
    expect(again).toMatchObject({ clientId, text: "hello" });
    respond(socket, { events: [mine(1, clientId, "hello")], replies: [publishResult(again?.request, 1)] });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["hello"]);
  });

  test("can be discarded; what is being sent cannot", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    room.discard(clientId);
    room.retry(clientId);
    expect(pending(room)).toEqual(["sending hello"]);
    const [publish, ...more] = takePublishes(socket);
    expect(more).toEqual([]);
    respond(socket, { replies: [errorReply(publish?.request, status(code.invalidArgument, "no"))] });
    room.discard(clientId);
    expect(pending(room)).toEqual([]);
  });

  test("does not survive as failed over a reconnect: it stays failed and is not sent", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    room.send("hello");
    respond(socket, { replies: [errorReply(takePublishes(socket)[0]?.request, status(code.invalidArgument, "no"))] });
    socket.end(1006);
    h.client.connect();
    expect(takePublishes(h.accept())).toEqual([]);
    expect(pending(room)).toEqual(["failed hello"]);
  });

  test("that leaves the outcome open is none: the same message is sent again after the delay asked for", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = takePublishes(socket);
    const unknown = status(code.unavailable, "perhaps", { retryAfterMs: 3000 });
    respond(socket, { replies: [errorReply(publish?.request, unknown)] });
    expect(pending(room)).toEqual(["sending hello"]);
    room.send("behind it");
    vi.advanceTimersByTime(2999);
    expect(takePublishes(socket)).toEqual([]);
    vi.advanceTimersByTime(501);
    expect(takePublishes(socket).map(({ text }) => text)).toEqual(["hello", "behind it"]);
    expect(room.getSnapshot().pending[0]?.clientId).toBe(clientId);
  });

  test("by ending the session for a limit is one of the long text that was being sent, and of nothing else", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    room.send("short");
    room.send("x".repeat(16 * 1024 + 1));
    socket.end(4008, "message too large");
    h.client.connect();
    expect(takePublishes(h.accept()).map(({ text }) => text)).toEqual(["short"]);
    expect(room.getSnapshot().pending).toMatchObject([
      { status: "sending", text: "short" },
      { status: "failed", error: { code: "RESOURCE_EXHAUSTED", message: "message too large" } },
    ]);
  });

  test("of a text that would break the connection is made here", () => {
    const h = new Harness();
    const { room, socket } = h.joinLobby();
    room.send("é".repeat(128 * 1024 + 1));
    expect(room.getSnapshot().pending).toMatchObject([{ status: "failed", error: { code: "INVALID_ARGUMENT" } }]);
    expect(takePublishes(socket)).toEqual([]);
  });
});

test("a message to a room that is not joined waits for its confirmation only", () => {
  const h = new Harness();
  h.client.connect();
  const socket = h.accept();
  const room = h.client.room("attic");
  room.send("hello");
  const [publish] = takePublishes(socket);
  respond(socket, { replies: [publishResult(publish?.request, 1)] });
  expect(pending(room)).toEqual([]);
});

test("leaving a room while its event is due ends the waiting", () => {
  const h = new Harness();
  const { room, socket } = h.joinLobby();
  room.send("hello");
  respond(socket, { replies: [publishResult(takePublishes(socket)[0]?.request, 1)] });
  room.leave();
  expect(pending(room)).toEqual([]);
});
