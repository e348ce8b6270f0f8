import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lastCall } from "./calls.js";
import { settle, wireError } from "./fake-transport.js";
import { Harness, texts } from "./harness.js";
import { about, ana, code, message, respond, status, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const { createRoom, listRooms } = RoomService.method;
const { editMessage } = MessageService.method;

describe("a call", () => {
  test("presents the token as metadata, and has a deadline", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept(welcome(ana, "v1.abc"));
    const room = h.client.createRoom({ id: "attic", title: "The attic" });
    const call = await lastCall(h, createRoom);
    expect(call.header.get("authorization")).toBe("Bearer v1.abc");
    expect(call.timeoutMs).toBe(15_000);
    expect(call.request).toMatchObject({ room: "attic", title: "The attic" });
    await call.answer({ room: { id: "attic", title: "The attic", firstSeq: 1n } });
    await expect(room).resolves.toEqual({
      id: "attic",
      title: "The attic",
      topic: "",
      kind: "public",
      archived: false,
      people: [],
      memberCount: 0,
      headSeq: 0,
      readSeq: 0,
      unread: 0,
      updateTime: undefined,
    });
  });

  test("waits until the connection is there and says who this is", async () => {
    const h = new Harness();
    h.client.connect();
    const rooms = h.client.listRooms();
    await vi.advanceTimersByTimeAsync(1000);
    await h.lose("unreachable");
    await vi.advanceTimersByTimeAsync(1000);
    h.transport.retry();
    h.transport.connected();
    await settle();
    expect(h.transport.unaries).toHaveLength(0);
    await h.accept(welcome(ana, "mine"));
    const call = await lastCall(h, listRooms);
    expect(call.header.get("authorization")).toBe("Bearer mine");
    await call.answer({});
    await expect(rooms).resolves.toEqual([]);
  });

  test("does not wait longer for a connection than for an answer", async () => {
    const h = new Harness();
    h.client.connect();
    const rejected = expect(h.client.listRooms()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await h.lose("unreachable", 60_000);
    await vi.advanceTimersByTimeAsync(15_000);
    await rejected;
    h.client.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("works without a session, with whatever token there is", async () => {
    const h = new Harness();
    const rooms = h.client.listRooms();
    const call = await lastCall(h, listRooms);
    expect(call.header.has("authorization")).toBe(false);
    await call.answer({});
    await expect(rooms).resolves.toEqual([]);
    h.client.close();
    expect(h.transport.state.status).toBe("closed");
  });

  test("that is refused rejects with code, words, fields and delay", async () => {
    const h = new Harness();
    const room = h.client.createRoom({ id: "Attic", title: "" });
    const rejected = expect(room).rejects.toMatchObject({
      name: "ChatError",
      code: "INVALID_ARGUMENT",
      message: "invalid room id",
      violations: [{ field: "room", description: "invalid room id" }],
      retryAfterMs: 250,
    });
    const call = await lastCall(h, createRoom);
    const refusal = status(code.invalidArgument, "invalid room id", { field: "room", retryAfterMs: 250 });
    const unknown = { typeUrl: "type.googleapis.com/some.future.Detail", value: new Uint8Array([1]) };
    refusal.details.unshift({ $typeName: "google.protobuf.Any", ...unknown });
    await call.fail(wireError(refusal));
    await rejected;
  });

  test.each([
    ["the connection breaks", Code.Unavailable, "UNAVAILABLE", "The connection was lost."],
    ["its time is over", Code.DeadlineExceeded, "DEADLINE_EXCEEDED", "The server did not answer in time."],
    ["the answer cannot be decoded", Code.Internal, "INTERNAL", "The server's answer cannot be read."],
    ["there is no answer", Code.Unimplemented, "INTERNAL", "The server's answer cannot be read."],
  ])("rejects when %s", async (_, failure, chatCode, words) => {
    const h = new Harness();
    const rejected = expect(h.client.listRooms()).rejects.toMatchObject({ code: chatCode, message: words });
    await (await lastCall(h, listRooms)).fail(new ConnectError("not for people", failure));
    await rejected;
  });

  test("ends with close(), under way or not", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    const first = expect(h.client.listRooms()).rejects.toMatchObject({ code: "CANCELLED" });
    await lastCall(h, listRooms);
    h.client.setDisplayName("Anna");
    const second = expect(h.client.listRooms()).rejects.toMatchObject({ code: "CANCELLED" });
    h.client.close();
    await Promise.all([first, second]);
    expect(vi.getTimerCount()).toBe(0);
    expect(h.transports).toHaveLength(1);
  });
});

test("listRooms reads every page and puts the newest change first", async () => {
  const h = new Harness();
  const rooms = h.client.listRooms();
  let call = await lastCall(h, listRooms);
  const room = (id: string, time: number) => ({ id, firstSeq: 1n, headSeq: 5n, updateTime: timestampFromMs(time) });
  await call.answer({
    rooms: [room("a", 1000), room("b", 3000)],
    read: [
      { room: "a", seq: 5n },
      { room: "b", seq: 2n },
    ],
    nextPageToken: "more",
  });
  call = await lastCall(h, listRooms);
  expect(call.request.pageToken).toBe("more");
  await call.answer({ rooms: [room("c", 2000)], read: [{ room: "c", seq: 0n }] });
  const listed = (await rooms).map(({ id, readSeq, unread }) => ({ id, readSeq, unread }));
  expect(listed).toEqual([
    { id: "b", readSeq: 2, unread: 3 },
    { id: "c", readSeq: 0, unread: 5 },
    { id: "a", readSeq: 5, unread: 0 },
  ]);
});

test("the answer to an edit shows at once, and an older event does not undo it", async () => {
  const h = new Harness();
  const { room, call: session } = await h.joinLobby([message(1)]);
  const edit = room.edit(1, "better", { mentions: [ana.id], expectedRev: 1 });
  const call = await lastCall(h, editMessage);
  expect(call.request).toMatchObject({
    room: "lobby",
    seq: 1n,
    text: "better",
    mentions: [ana.id],
    expectedRev: 1n,
  });
  const edited = message(1, { rev: 3n, body: { case: "text", value: "better" } });
  await call.answer({ message: edited });
  await edit;
  expect(texts(room)).toEqual(["better"]);
  await respond(session, { events: [about("reacted", message(1, { rev: 2n })), about("edited", edited)] });
  expect(texts(room)).toEqual(["better"]);
});
