import { type MessageStore, memoryMessages, type Room, type StoredMessage } from "@rialto/chat";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FakeCall, settle } from "./fake-transport.js";
import { Harness } from "./harness.js";
import { ana, code, errorReply, publishResult, respond, status, takeRequests, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const daysMs = 24 * 60 * 60 * 1000;

/** The clients of one person whose pages are reloaded: they have the store and the identity in common. */
function visits(messages: MessageStore) {
  return async (event = welcome(ana)) => {
    const h = new Harness({ messages });
    const room = h.client.room("lobby");
    return {
      h,
      room,
      connect: async () => {
        h.client.connect();
        return h.accept(event);
      },
    };
  };
}

async function publishes(call: FakeCall) {
  return (await takeRequests(call)).flatMap((request) =>
    request.command.case === "publish"
      ? [{ request, clientId: request.command.value.clientId, text: request.command.value.body.value }]
      : [],
  );
}

const pending = (room: Room) => room.getSnapshot().pending.map((message) => `${message.status} ${message.text}`);

const kept = async (store: MessageStore) => (await store.adopt()).map(({ text }) => text);

test("what was written without a connection is sent by the next visit, once, and is forgotten then", async () => {
  const store = memoryMessages();
  const visit = visits(store);
  const first = await visit();
  const options = { replyTo: 1, mentions: [ana.id] };
  const ids = [first.room.send("one", options), first.room.send("two")];
  await settle();

  const second = await visit();
  await settle();
  expect(pending(second.room)).toEqual(["sending one", "sending two"]);
  expect(second.room.getSnapshot().pending[0]).toMatchObject({ clientId: ids[0], ...options });
  const call = await second.connect();
  const sent = await publishes(call);
  expect(sent.map(({ clientId }) => clientId)).toEqual(ids);
  expect(sent[0]?.request.command.value).toMatchObject({ replyTo: 1n, mentions: [ana.id] });
  await respond(call, { replies: sent.map(({ request }, i) => publishResult(request, i + 1)) });
  expect(pending(second.room)).toEqual([]);
  expect(await kept(store)).toEqual([]);
});

test("a room that nobody opened sends what it has all the same", async () => {
  const store = memoryMessages();
  const visit = visits(store);
  (await visit()).h.client.room("attic").send("hello");
  await settle();
  const next = await visit();
  expect((await publishes(await next.connect())).map(({ text }) => text)).toEqual(["hello"]);
});

test("nothing is sent before it is known what comes first", async () => {
  let answer: (messages: StoredMessage[]) => void = () => undefined;
  const store = memoryMessages();
  const asked = new Promise<StoredMessage[]>((resolve) => {
    answer = resolve;
  });
  const visit = visits({ ...store, adopt: vi.fn(store.adopt).mockReturnValueOnce(asked) });
  const { room, connect } = await visit();
  room.send("new");
  const call = await connect();
  expect(await publishes(call)).toEqual([]);
  answer([{ room: "lobby", clientId: "old", text: "old", time: Date.now() - 1000 }]);
  expect((await publishes(call)).map(({ text }) => text)).toEqual(["old", "new"]);
});

test("a refused message is still refused after a reload, until somebody retries or discards it", async () => {
  const store = memoryMessages();
  const visit = visits(store);
  const first = await visit();
  first.room.send("bad");
  first.room.send("worse");
  const call = await first.connect();
  const replies = (await publishes(call)).map(({ request }) =>
    errorReply(request, status(code.invalidArgument, "not so")),
  );
  await respond(call, { replies });

  const second = await visit();
  const next = await second.connect();
  expect(await publishes(next)).toEqual([]);
  const [bad, worse] = second.room.getSnapshot().pending;
  expect(bad).toMatchObject({ status: "failed", error: { code: "INVALID_ARGUMENT", message: "not so" } });
  second.room.discard(worse?.clientId ?? "");
  second.room.retry(bad?.clientId ?? "");
  expect((await publishes(next)).map(({ clientId }) => clientId)).toEqual([bad?.clientId]);
  expect(await kept(store)).toEqual(["bad"]);
});

test("what was sent as somebody else is not sent again without asking", async () => {
  const store = memoryMessages();
  const visit = visits(store);
  const first = await visit();
  first.room.send("perhaps there");
  await publishes(await first.connect());

  const second = await visit(welcome({ ...ana, id: "guest-other" }));
  expect(await publishes(await second.connect())).toEqual([]);
  expect(second.room.getSnapshot().pending).toMatchObject([{ status: "failed", error: { code: "ABORTED" } }]);
});

test("what was written before the server's memory begins is not sent without asking", async () => {
  const store = memoryMessages();
  const visit = visits(store);
  const first = await visit();
  const clientId = first.room.send("long ago");
  vi.setSystemTime(Date.now() + 29 * daysMs);
  first.room.send("of late");
  await settle();
  vi.setSystemTime(Date.now() + 2 * daysMs);

  const second = await visit();
  const call = await second.connect();
  expect((await publishes(call)).map(({ text }) => text)).toEqual(["of late"]);
  expect(second.room.getSnapshot().pending[0]).toMatchObject({
    clientId,
    status: "failed",
    error: { code: "DEADLINE_EXCEEDED" },
  });
  second.room.retry(clientId);
  expect((await publishes(call)).map(({ text }) => text)).toEqual(["long ago"]);
});

test("a store that fails costs nothing but the memory", async () => {
  const broken = () => Promise.reject(new Error("no space"));
  const visit = visits({ adopt: broken, put: broken, delete: broken });
  const { room, connect } = await visit();
  room.send("hello");
  const call = await connect();
  const [publish] = await publishes(call);
  await respond(call, { replies: [publishResult(publish?.request, 1)] });
  expect(pending(room)).toEqual([]);
});
