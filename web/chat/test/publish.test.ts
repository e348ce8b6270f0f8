import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { dataType, type Room } from "@rialto/chat";
import { SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FakeCall } from "./fake-transport.js";
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
async function takePublishes(call: FakeCall) {
  return (await takeRequests(call)).flatMap((request) =>
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

test("a message is pending at once and in the room exactly once, whichever of reply and event comes first", async () => {
  for (const order of ["reply first", "event first", "together"]) {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    expect(clientId).toMatch(/^[0-9a-f]{32}$/);
    expect(pending(room)).toEqual(["sending hello"]);
    const [publish] = await takePublishes(call);
    expect(publish).toMatchObject({ clientId, text: "hello" });
    const replies = [publishResult(publish?.request, 1)];
    const events = [mine(1, clientId, "hello")];
    if (order === "together") {
      await respond(call, { replies, events });
    } else {
      await respond(call, order === "reply first" ? { replies } : { events });
      expect(pending(room).length + texts(room).length, order).toBe(1);
      await respond(call, order === "reply first" ? { events } : { replies });
    }
    expect(pending(room), order).toEqual([]);
    expect(texts(room), order).toEqual(["hello"]);
  }
});

test("a message of somebody else with the same client id settles nothing", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  const clientId = room.send("mine");
  await respond(call, { events: [posted(1, { sender: bo, clientId })] });
  expect(pending(room)).toEqual(["sending mine"]);
});

test("messages sent without a connection go out with the next, in order, after the welcome", async () => {
  const h = new Harness();
  const room = h.client.room("lobby");
  const ids = ["one", "two", "three"].map((text) => room.send(text));
  h.client.connect();
  h.transport.connected();
  expect(await takePublishes(h.call)).toEqual([]);
  await respond(h.call, { events: [welcome()] });
  expect((await takePublishes(h.call)).map(({ clientId }) => clientId)).toEqual(ids);
});

describe("a break", () => {
  test("sends what was not confirmed again, in order, under the same ids, and the rest not", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const [one, two, three] = ["one", "two", "three"].map((text) => room.send(text));
    const publishes = await takePublishes(call);
    await respond(call, { replies: [publishResult(publishes[0]?.request, 1)], events: [mine(1, one ?? "", "one")] });
    await h.lose();
    expect(pending(room)).toEqual(["sending two", "sending three"]);
    h.client.connect();
    const next = await h.accept();
    const again = await takeRequests(next);
    const join = again.find(({ command }) => command.case === "join");
    const resent = again.filter(({ command }) => command.case === "publish");
    expect(resent.map(({ command }) => command.case === "publish" && command.value.clientId)).toEqual([two, three]);
    // "two" had arrived: it is replayed, and its repetition answered as a duplicate.
    await respond(next, {
      replies: [joinResult(join, 2, { resumed: true }), publishResult(resent[0], 2, true), publishResult(resent[1], 3)],
      events: [mine(2, two ?? "", "two"), mine(3, three ?? "", "three")],
    });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["one", "two", "three"]);
  });

  test("between the reply and the event: the message is not sent again, and comes with the replay", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = await takePublishes(call);
    await respond(call, { replies: [publishResult(publish?.request, 1)] });
    await h.lose();
    expect(pending(room)).toEqual(["sending hello"]);
    h.client.connect();
    const next = await h.accept();
    expect(await takePublishes(next)).toEqual([]);
    await respond(next, { events: [mine(1, clientId, "hello")] });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["hello"]);
  });

  test("after which the message lies above the newest page ends its waiting all the same", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby();
    room.send("hello");
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const requests = await takeRequests(next);
    const join = requests.find(({ command }) => command.case === "join");
    const resent = requests.find(({ command }) => command.case === "publish");
    await respond(next, {
      replies: [joinResult(join, 900, { headSeq: 900 })],
      events: [snapshot([message(899), message(900)])],
    });
    expect(pending(room)).toEqual(["sending hello"]);
    await respond(next, { replies: [publishResult(resent, 5, true)] });
    expect(pending(room)).toEqual([]);
  });

  test("after which the server was restored from a backup: what it had confirmed is sent again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    await respond(call, { replies: [publishResult((await takePublishes(call))[0]?.request, 1)] });
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
    await respond(next, {
      replies: [joinResult(join, 0, { inEpoch: "epoch-2" })],
      events: [snapshot([], { epoch: "epoch-2" })],
    });
    expect((await takePublishes(next)).map((publish) => publish.clientId)).toEqual([clientId]);
  });

  test("after which the server never reached what it had confirmed, under the same epoch: it is sent again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1), message(2)]);
    const clientId = room.send("hello");
    await respond(call, { replies: [publishResult((await takePublishes(call))[0]?.request, 3)] });
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
    await respond(next, {
      replies: [joinResult(join, 1)],
      events: [snapshot([message(1)], { reason: SnapshotReason.UNKNOWN_POSITION })],
    });
    expect((await takePublishes(next)).map((publish) => publish.clientId)).toEqual([clientId]);
  });

  test("with the server's verdict of another identity: what may have arrived is not said twice", async () => {
    const h = new Harness();
    h.tokens.set("stale");
    const { room } = await h.joinLobby();
    room.send("sent as Ana");
    await h.lose();
    room.send("not sent yet");
    h.client.connect();
    await h.end(code.unauthenticated, "expired");
    const next = await h.accept(welcome({ ...ana, id: "guest-other" }, "new"));
    expect((await takePublishes(next)).map(({ text }) => text)).toEqual(["not sent yet"]);
    expect(pending(room)).toEqual(["failed sent as Ana", "sending not sent yet"]);
    const [failed] = room.getSnapshot().pending;
    expect(failed?.error?.code).toBe("ABORTED");
    room.retry(failed?.clientId ?? "");
    expect((await takePublishes(next)).map(({ text }) => text)).toEqual(["sent as Ana"]);
  });
});

test("what is stored of a room that is followed no more waits for no event", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  room.send("one");
  await respond(call, { replies: [publishResult((await takePublishes(call))[0]?.request, 1)] });
  expect(pending(room)).toEqual(["sending one"]);
  await respond(call, { events: [{ room: "lobby", kind: { case: "shutOut", value: {} } }] });
  expect(pending(room)).toEqual([]);
});

test("what is stored of a room that is refused after a break waits for no event, and nobody is seen there", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  room.send("one");
  await respond(call, {
    replies: [publishResult((await takePublishes(call))[0]?.request, 1)],
    events: [{ room: "lobby", kind: { case: "presence", value: { reset: true, joined: [bo], online: 1 } } }],
  });
  expect(room.getSnapshot().onlineCount).toBe(1);
  await h.lose();
  h.client.connect();
  const next = await h.accept();
  const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
  await respond(next, { replies: [errorReply(join, status(code.permissionDenied, "banned"))] });
  expect(pending(room)).toEqual([]);
  expect(room.getSnapshot()).toMatchObject({ onlineCount: 0, online: [], error: { code: "PERMISSION_DENIED" } });
});

describe("a refusal", () => {
  test("makes the message failed, with the reason; retry sends the same message", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = await takePublishes(call);
    const slow = status(code.resourceExhausted, "slow mode", { retryAfterMs: 60_000 });
    await respond(call, { replies: [errorReply(publish?.request, slow)] });
    expect(room.getSnapshot().pending).toMatchObject([
      { clientId, status: "failed", error: { code: "RESOURCE_EXHAUSTED", message: "slow mode", retryAfterMs: 60_000 } },
    ]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await takePublishes(call)).toEqual([]);
    room.retry(clientId);
    expect(room.getSnapshot().pending).toMatchObject([{ clientId, status: "sending" }]);
    expect(room.getSnapshot().pending[0]).not.toHaveProperty("error");
    const [again] = await takePublishes(call);
    expect(again).toMatchObject({ clientId, text: "hello" });
    await respond(call, { events: [mine(1, clientId, "hello")], replies: [publishResult(again?.request, 1)] });
    expect(pending(room)).toEqual([]);
    expect(texts(room)).toEqual(["hello"]);
  });

  test("can be discarded; what is being sent cannot", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    room.discard(clientId);
    room.retry(clientId);
    expect(pending(room)).toEqual(["sending hello"]);
    const [publish, ...more] = await takePublishes(call);
    expect(more).toEqual([]);
    await respond(call, { replies: [errorReply(publish?.request, status(code.invalidArgument, "no"))] });
    room.discard(clientId);
    expect(pending(room)).toEqual([]);
  });

  test("does not survive as failed over a reconnect: it stays failed and is not sent", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    room.send("hello");
    await respond(call, {
      replies: [errorReply((await takePublishes(call))[0]?.request, status(code.invalidArgument, "no"))],
    });
    await h.lose();
    h.client.connect();
    expect(await takePublishes(await h.accept())).toEqual([]);
    expect(pending(room)).toEqual(["failed hello"]);
  });

  test("that leaves the outcome open is none: the same message is sent again after the delay asked for", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const clientId = room.send("hello");
    const [publish] = await takePublishes(call);
    const unknown = status(code.unavailable, "perhaps", { retryAfterMs: 3000 });
    await respond(call, { replies: [errorReply(publish?.request, unknown)] });
    expect(pending(room)).toEqual(["sending hello"]);
    room.send("behind it");
    await vi.advanceTimersByTimeAsync(2999);
    expect(await takePublishes(call)).toEqual([]);
    await vi.advanceTimersByTimeAsync(501);
    const [again, ...more] = await takePublishes(call);
    expect([again?.text, more]).toEqual(["hello", []]);
    await respond(call, { replies: [publishResult(again?.request, 1)] });
    expect((await takePublishes(call)).map(({ text }) => text)).toEqual(["behind it"]);
    expect(room.getSnapshot().pending[0]?.clientId).toBe(clientId);
  });

  test("for too many messages is none, either: all that were refused go again in order, after the delay and some more", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const sent = ["one", "two", "three"];
    for (const text of sent) {
      room.send(text);
    }
    const [one, ...refused] = await takePublishes(call);
    const busy = status(code.resourceExhausted, "too many writes of this user", { retryAfterMs: 2000 });
    await respond(call, {
      replies: [publishResult(one?.request, 1), ...refused.map(({ request }) => errorReply(request, busy))],
    });
    expect(pending(room)).toEqual(["sending one", "sending two", "sending three"]);
    await vi.advanceTimersByTimeAsync(1999);
    expect(await takePublishes(call)).toEqual([]);
    await vi.advanceTimersByTimeAsync(501);
    const [two, ...more] = await takePublishes(call);
    expect([two?.text, more]).toEqual(["two", []]);
    await respond(call, { replies: [publishResult(two?.request, 2)] });
    expect((await takePublishes(call)).map(({ text }) => text)).toEqual(["three"]);
  });

  test("for too many messages keeps their order, however many wait and whenever some are taken again", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const sent = Array.from({ length: 200 }, (_, i) => `${i + 1}`);
    for (const text of sent) {
      room.send(text);
    }
    const busy = status(code.resourceExhausted, "too many writes of this user", { retryAfterMs: 1000 });
    const stored: string[] = [];
    let most = 0;
    // The server takes so many messages, and one more each 200 ms: in which it reads 40 that come one right behind the other.
    let allowance = 20;
    for (let turn = 0; turn < 300 && stored.length < sent.length; turn++) {
      const publishes = await takePublishes(call);
      most = Math.max(most, publishes.length);
      const replies = publishes.map(({ request, text = "" }, i) => {
        allowance += i % 40 === 39 ? 1 : 0;
        if (allowance < 1) {
          return errorReply(request, busy);
        }
        allowance--;
        stored.push(String(text));
        return publishResult(request, stored.length);
      });
      allowance = replies.length > 0 ? allowance : Math.min(20, allowance + 2);
      await respond(call, { replies });
      await vi.advanceTimersByTimeAsync(replies.length > 0 ? 0 : 400);
    }
    expect(stored).toEqual(sent);
    expect(most).toBe(32);
  });

  test("for too many messages is not over when others are stored that were sent before it", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    for (const text of ["one", "two", "three"]) {
      room.send(text);
    }
    const [one, two, three] = await takePublishes(call);
    const busy = status(code.resourceExhausted, "too many writes of this user", { retryAfterMs: 1000 });
    await respond(call, { replies: [errorReply(one?.request, busy), publishResult(two?.request, 1)] });
    await respond(call, {
      events: [mine(1, String(two?.clientId), "two"), mine(2, String(three?.clientId), "three")],
      replies: [publishResult(three?.request, 2)],
    });
    room.send("four");
    room.send("five");
    room.send("six");
    await vi.advanceTimersByTimeAsync(2000);
    const [again, ...more] = await takePublishes(call);
    expect([again?.text, more]).toEqual(["one", []]);
    await respond(call, { replies: [publishResult(again?.request, 3)] });
    expect((await takePublishes(call)).map(({ text }) => text)).toEqual(["four", "five"]);
  });

  test("by ending the session for too many sessions is not one of the long text", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby();
    room.send("x".repeat(16 * 1024 + 1));
    await h.end(code.resourceExhausted, "too many connections from this address", { retryAfterMs: 100 });
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unavailable" } });
    expect(room.getSnapshot().pending).toMatchObject([{ status: "sending" }]);
  });

  test("by ending the session for a limit is one of the long text that was being sent, and of nothing else", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby();
    room.send("short");
    room.send("x".repeat(16 * 1024 + 1));
    await h.end(code.resourceExhausted, "message too large");
    h.client.connect();
    expect((await takePublishes(await h.accept())).map(({ text }) => text)).toEqual(["short"]);
    expect(room.getSnapshot().pending).toMatchObject([
      { status: "sending", text: "short" },
      { status: "failed", error: { code: "RESOURCE_EXHAUSTED", message: "message too large" } },
    ]);
  });

  test("of a text that would break the connection is made here", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    room.send("é".repeat(128 * 1024 + 1));
    expect(room.getSnapshot().pending).toMatchObject([{ status: "failed", error: { code: "INVALID_ARGUMENT" } }]);
    expect(await takePublishes(call)).toEqual([]);
  });
});

test("a message to a room that is not joined waits for its confirmation only", async () => {
  const h = new Harness();
  h.client.connect();
  const call = await h.accept();
  const room = h.client.room("attic");
  room.send("hello");
  const [publish] = await takePublishes(call);
  await respond(call, { replies: [publishResult(publish?.request, 1)] });
  expect(pending(room)).toEqual([]);
});

test("leaving a room while its event is due ends the waiting", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  room.send("hello");
  await respond(call, { replies: [publishResult((await takePublishes(call))[0]?.request, 1)] });
  room.leave();
  expect(pending(room)).toEqual([]);
});

test("replies, mentions and data are sent as they are, and shown while they wait", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby([message(1)]);
  room.send("yes", { replyTo: 1, mentions: [bo.id] });
  room.sendData("text/x-move", new Uint8Array([1, 2]), { replyTo: 1 });
  expect(room.getSnapshot().pending).toMatchObject([
    { text: "yes", replyTo: 1, mentions: [bo.id] },
    { text: "", replyTo: 1, data: { type: "text/x-move", value: new Uint8Array([1, 2]) } },
  ]);
  const sent = (await takeRequests(call)).map(({ command }) => command.value);
  expect(sent).toMatchObject([
    { room: "lobby", body: { case: "text", value: "yes" }, replyTo: 1n, mentions: [bo.id] },
    { body: { case: "data", value: { type: "text/x-move", value: new Uint8Array([1, 2]) } }, mentions: [] },
  ]);
});

test("a message type of protobuf is sent and read as a body", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  const durations = dataType(DurationSchema);
  durations.send(room, { seconds: 5n });
  const [publish] = await takeRequests(call);
  const body = publish?.command.case === "publish" ? publish.command.value.body : undefined;
  expect(body).toMatchObject({ case: "data", value: { type: "google.protobuf.Duration" } });
  const other = { case: "data" as const, value: { type: durations.type, value: new Uint8Array([255]) } };
  const events = [posted(1, body ? { body } : {}), posted(2), posted(3, { body: other })];
  await respond(call, { events });
  const [mine, text, broken] = room.getSnapshot().messages.map((shown) => durations.read(shown));
  expect(mine?.seconds).toBe(5n);
  expect([text, broken]).toEqual([undefined, undefined]);
});
