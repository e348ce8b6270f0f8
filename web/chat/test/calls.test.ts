import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EditMessageRequestSchema, EditMessageResponseSchema } from "@rialto/gen/rialto/chat/v1/message_pb";
import {
  CreateRoomRequestSchema,
  CreateRoomResponseSchema,
  ListRoomsRequestSchema,
  ListRoomsResponseSchema,
} from "@rialto/gen/rialto/chat/v1/room_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { answerCall, lastCall } from "./calls.js";
import { Harness, texts } from "./harness.js";
import { about, ana, message, respond, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const createRoom = "rialto.chat.v1.RoomService/CreateRoom";
const listRooms = "rialto.chat.v1.RoomService/ListRooms";
const editMessage = "rialto.chat.v1.MessageService/EditMessage";

function encode<S extends DescMessage>(schema: S, value: MessageInitShape<S>): Uint8Array {
  return toBinary(schema, create(schema, value));
}

describe("a call", () => {
  test("presents the token with the handshake, and never in the address", async () => {
    const h = new Harness();
    h.client.connect();
    h.accept(welcome(ana, "v1.abc+/=?é"));
    const room = h.client.createRoom({ id: "attic", title: "The attic" });
    const { socket, request } = await lastCall(h, createRoom, CreateRoomRequestSchema);
    const [plain, bearer, ...more] = socket.protocols;
    expect([plain, more]).toEqual(["rialto.plain.v1", []]);
    expect(bearer).toMatch(/^rialto\.bearer\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(bearer?.slice("rialto.bearer.".length) ?? "", "base64url").toString()).toBe("v1.abc+/=?é");
    expect(request).toMatchObject({ room: "attic", title: "The attic" });
    answerCall(socket, encode(CreateRoomResponseSchema, { room: { id: "attic", title: "The attic", firstSeq: 1n } }));
    await expect(room).resolves.toEqual({
      id: "attic",
      title: "The attic",
      headSeq: 0,
      readSeq: 0,
      unread: 0,
      updateTime: undefined,
    });
    expect(socket.closedWith).toBeDefined();
    expect(socket.listenerCount).toBe(0);
  });

  test("waits until the first connection says who this is", async () => {
    const h = new Harness();
    h.client.connect();
    const rooms = h.client.listRooms();
    await vi.advanceTimersByTimeAsync(1000);
    expect(h.sockets).toHaveLength(1);
    h.accept(welcome(ana, "mine"));
    const { socket } = await lastCall(h, listRooms, ListRoomsRequestSchema);
    expect(socket.protocols).toHaveLength(2);
    answerCall(socket, encode(ListRoomsResponseSchema, {}));
    await expect(rooms).resolves.toEqual([]);
  });

  test("works without a connection, with whatever token there is", async () => {
    const h = new Harness();
    const rooms = h.client.listRooms();
    const { socket } = await lastCall(h, listRooms, ListRoomsRequestSchema);
    expect(socket.protocols).toEqual(["rialto.plain.v1"]);
    answerCall(socket, encode(ListRoomsResponseSchema, {}));
    await expect(rooms).resolves.toEqual([]);
  });

  test("that is refused rejects with code, words, fields and delay", async () => {
    const h = new Harness();
    const room = h.client.createRoom({ id: "Attic", title: "" });
    const rejected = expect(room).rejects.toMatchObject({
      name: "ChatError",
      code: "INVALID_ARGUMENT",
      message: "invalid room id",
      violations: [{ field: "room", description: "lower case only" }],
      retryAfterMs: 250,
    });
    const { socket } = await lastCall(h, createRoom, CreateRoomRequestSchema);
    const details = [
      {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        fieldViolations: [{ field: "room", description: "lower case only" }],
      },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "0.250s" },
      { "@type": "type.googleapis.com/some.future.Detail", value: "AAAA" },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "nonsense" },
    ];
    socket.receive(JSON.stringify({ "@end": { status: { code: 3, message: "invalid room id", details } } }));
    await rejected;
  });

  test("that ends with a close code alone has its status too", async () => {
    const h = new Harness();
    const rejected = expect(h.client.createRoom({ id: "attic", title: "" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: "taken",
    });
    const { socket } = await lastCall(h, createRoom, CreateRoomRequestSchema);
    socket.end(4006, "taken");
    await rejected;
  });

  test("that gets OK without an answer, or with one that cannot be read, fails", async () => {
    for (const answer of [undefined, new Uint8Array([0xff])]) {
      const h = new Harness();
      const rejected = expect(h.client.listRooms()).rejects.toMatchObject({ code: "INTERNAL" });
      const { socket } = await lastCall(h, listRooms, ListRoomsRequestSchema);
      if (answer) {
        socket.receive(answer);
      }
      socket.end(1000);
      await rejected;
    }
  });

  test("that is not answered ends after 15 s and leaves nothing behind", async () => {
    const h = new Harness();
    const rejected = expect(h.client.listRooms()).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const { socket } = await lastCall(h, listRooms, ListRoomsRequestSchema);
    await vi.advanceTimersByTimeAsync(15_000);
    await rejected;
    expect(socket.closedWith).toBeDefined();
    expect(socket.listenerCount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends with close(), under way or not", async () => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    const first = expect(h.client.listRooms()).rejects.toMatchObject({ code: "CANCELLED" });
    const { socket } = await lastCall(h, listRooms, ListRoomsRequestSchema);
    const second = expect(h.client.listRooms()).rejects.toMatchObject({ code: "CANCELLED" });
    h.client.close();
    await Promise.all([first, second]);
    expect(socket.listenerCount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(h.sockets).toHaveLength(2);
  });
});

test("listRooms reads every page and puts the newest change first", async () => {
  const h = new Harness();
  const rooms = h.client.listRooms();
  let call = await lastCall(h, listRooms, ListRoomsRequestSchema);
  const room = (id: string, time: number) => ({ id, firstSeq: 1n, headSeq: 5n, updateTime: timestampFromMs(time) });
  answerCall(
    call.socket,
    encode(ListRoomsResponseSchema, {
      rooms: [room("a", 1000), room("b", 3000)],
      read: [
        { room: "a", seq: 5n },
        { room: "b", seq: 2n },
      ],
      nextPageToken: "more",
    }),
  );
  call = await lastCall(h, listRooms, ListRoomsRequestSchema);
  expect(call.request.pageToken).toBe("more");
  answerCall(
    call.socket,
    encode(ListRoomsResponseSchema, { rooms: [room("c", 2000)], read: [{ room: "c", seq: 0n }] }),
  );
  const listed = (await rooms).map(({ id, readSeq, unread }) => ({ id, readSeq, unread }));
  expect(listed).toEqual([
    { id: "b", readSeq: 2, unread: 3 },
    { id: "c", readSeq: 0, unread: 5 },
    { id: "a", readSeq: 5, unread: 0 },
  ]);
});

test("the answer to an edit shows at once, and an older event does not undo it", async () => {
  const h = new Harness();
  const { room, socket: session } = h.joinLobby([message(1)]);
  const edit = room.edit(1, "better");
  const { socket, request } = await lastCall(h, editMessage, EditMessageRequestSchema);
  expect(request).toMatchObject({ room: "lobby", seq: 1n, text: "better" });
  const edited = message(1, { rev: 3n, body: { case: "text", value: "better" } });
  answerCall(socket, encode(EditMessageResponseSchema, { message: edited }));
  await edit;
  expect(texts(room)).toEqual(["better"]);
  respond(session, { events: [about("reacted", message(1, { rev: 2n })), about("edited", edited)] });
  expect(texts(room)).toEqual(["better"]);
});
