import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ChatClient } from "@rialto/chat";
import type { FeedRoomSchema, FeedSchema } from "@rialto/gen/rialto/chat/v1/event_pb";
import { Role, RoomKind } from "@rialto/gen/rialto/chat/v1/types_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { markIntervalMs } from "../src/read-marker.js";
import type { FakeCall } from "./fake-transport.js";
import { Harness } from "./harness.js";
import {
  ana,
  bo,
  type EventInit,
  joinResult,
  message,
  posted,
  respond,
  snapshot,
  takeRequests,
  welcome,
} from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

type FeedInit = Exclude<MessageInitShape<typeof FeedSchema>, { $typeName: string }>;

const feed = (version: number, init: FeedInit): EventInit => ({
  kind: { case: "feed", value: { version: BigInt(version), ...init } },
});

/** A room in the feed: its newest message, how far it is read, and what else is to be said. */
function room(
  id: string,
  headSeq: number,
  readSeq: number,
  { role = Role.MEMBER, minute = 0, ...more }: { role?: Role; minute?: number; title?: string; mentions?: number } = {},
): MessageInitShape<typeof FeedRoomSchema> {
  const { title = "", mentions = 0 } = more;
  return {
    room: {
      id,
      title,
      kind: RoomKind.PUBLIC,
      firstSeq: 1n,
      headSeq: BigInt(headSeq),
      updateTime: timestampFromMs(minute * 60_000),
    },
    member: { room: id, user: ana, role, createTime: timestampFromMs(1) },
    read: { room: id, seq: BigInt(readSeq) },
    mentions,
  };
}

const invitation = (id: string, minute = 0) => ({
  room: { id, title: `The ${id}`, kind: RoomKind.PRIVATE },
  userId: ana.id,
  invitedBy: bo,
  role: Role.MEMBER,
  createTime: timestampFromMs(minute * 60_000),
});

const shown = ({ rooms }: ChatClient) =>
  rooms.getSnapshot().rooms.map(({ id, unread, mentions }) => `${id} ${unread} @${mentions}`);

/** Connects as a user whom the server knows, whose feed is this. */
async function connect(h: Harness, init: FeedInit): Promise<FakeCall> {
  h.client.connect();
  const call = await h.accept();
  await respond(call, { events: [feed(10, { reset: true, ...init })] });
  return call;
}

/** Breaks the connection and welcomes the client on the next. */
async function reconnect(h: Harness, as = ana): Promise<FakeCall> {
  await h.lose();
  h.client.connect();
  return h.accept(welcome(as));
}

describe("the user's rooms", () => {
  test("come as soon as they are whole, the newest change first", async () => {
    const h = new Harness();
    h.client.connect();
    const call = await h.accept();
    expect(h.client.rooms.getSnapshot()).toEqual({ rooms: [], invitations: [], loaded: false });
    const listener = vi.fn();
    h.client.rooms.subscribe(listener);
    await respond(call, {
      events: [feed(7, { reset: true, more: true, rooms: [room("attic", 9, 4, { minute: 1 })] })],
    });
    expect(listener).not.toHaveBeenCalled();
    const lobby = room("lobby", 5, 5, { minute: 2, title: "The lobby", role: Role.OWNER });
    await respond(call, {
      events: [feed(8, { rooms: [lobby], invitations: [invitation("den"), invitation("hut", 1)] })],
    });
    expect(listener).toHaveBeenCalledTimes(1);
    const { rooms, invitations, loaded } = h.client.rooms.getSnapshot();
    expect(loaded).toBe(true);
    expect(rooms).toMatchObject([
      {
        id: "lobby",
        title: "The lobby",
        kind: "public",
        unread: 0,
        me: { role: "owner" },
        updateTime: new Date(120_000),
      },
      { id: "attic", title: "", headSeq: 9, readSeq: 4, unread: 5, mentions: 0, requests: 0, me: { role: "member" } },
    ]);
    expect(invitations).toMatchObject([
      { room: { id: "hut" } },
      { room: { id: "den", title: "The den", kind: "private" }, invitedBy: { name: "Bo" }, role: "member" },
    ]);
  });

  test("change one by one; what did not change is the same object, and what changes nothing is not told", async () => {
    const h = new Harness();
    const call = await connect(h, {
      rooms: [room("attic", 9, 9), room("lobby", 5, 5)],
      invitations: [invitation("den")],
    });
    const before = h.client.rooms.getSnapshot();
    const listener = vi.fn();
    h.client.rooms.subscribe(listener);
    await respond(call, { events: [feed(11, { rooms: [room("lobby", 7, 5, { mentions: 1 })] })] });
    expect(shown(h.client)).toEqual(["attic 0 @0", "lobby 2 @1"]);
    const after = h.client.rooms.getSnapshot();
    expect(after.rooms[0]).toBe(before.rooms[0]);
    expect(after.invitations).toBe(before.invitations);
    await respond(call, { events: [feed(12, { rooms: [room("lobby", 7, 5, { mentions: 1 })] })] });
    expect(listener).toHaveBeenCalledTimes(1);
    expect(h.client.rooms.getSnapshot()).toBe(after);
  });

  test("come and go with memberships and invitations", async () => {
    const h = new Harness();
    const call = await connect(h, { rooms: [room("lobby", 5, 5)] });
    await respond(call, { events: [feed(11, { invitations: [invitation("den")] })] });
    expect(h.client.rooms.getSnapshot().invitations).toMatchObject([{ room: { id: "den" } }]);
    await respond(call, { events: [feed(12, { rooms: [room("den", 1, 0)], removedInvitations: ["den"] })] });
    expect(h.client.rooms.getSnapshot().invitations).toEqual([]);
    await respond(call, { events: [feed(13, { rooms: [room("den", 1, 0, { role: Role.MODERATOR })] })] });
    expect(h.client.rooms.getSnapshot().rooms).toMatchObject([
      { id: "den", me: { role: "moderator" } },
      { id: "lobby" },
    ]);
    await respond(call, { events: [feed(14, { removedRooms: ["den"] })] });
    expect(shown(h.client)).toEqual(["lobby 0 @0"]);
  });

  test("stay through a break until all of it has come again, and are then exactly that", async () => {
    const h = new Harness();
    const call = await connect(h, {
      rooms: [room("attic", 9, 9), room("lobby", 5, 5)],
      invitations: [invitation("den")],
    });
    // A whole that does not get through says nothing.
    await respond(call, { events: [feed(11, { reset: true, more: true, rooms: [room("lobby", 6, 5)] })] });
    const before = h.client.rooms.getSnapshot();
    const next = await reconnect(h);
    expect(h.client.rooms.getSnapshot()).toBe(before);
    await respond(next, { events: [feed(3, { reset: true, more: true, rooms: [room("attic", 9, 9)] })] });
    expect(h.client.rooms.getSnapshot()).toBe(before);
    await respond(next, { events: [feed(4, { rooms: [room("cellar", 1, 0)] })] });
    expect(shown(h.client)).toEqual(["attic 0 @0", "cellar 1 @0"]);
    expect(h.client.rooms.getSnapshot()).toMatchObject({ invitations: [], loaded: true });
    expect(h.client.rooms.getSnapshot().rooms[0]).toBe(before.rooms[0]);
  });

  test("of two forms the one of the higher version stays", async () => {
    const h = new Harness();
    const call = await connect(h, { rooms: [room("lobby", 5, 5)] });
    await respond(call, { events: [feed(12, { rooms: [room("lobby", 8, 5)] })] });
    await respond(call, { events: [feed(11, { rooms: [room("lobby", 7, 5)], removedRooms: ["lobby"] })] });
    expect(shown(h.client)).toEqual(["lobby 3 @0"]);
  });

  test("of somebody new to the server are none, and those of somebody else are not shown", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept(welcome(ana, "token"));
    expect(h.client.rooms.getSnapshot()).toEqual({ rooms: [], invitations: [], loaded: true });
    await respond(h.call, { events: [feed(11, { rooms: [room("lobby", 5, 5)] })] });
    await reconnect(h, bo);
    expect(h.client.rooms.getSnapshot()).toEqual({ rooms: [], invitations: [], loaded: false });
  });
});

describe("a room that is joined here", () => {
  test("counts what comes before the feed does, and what is read here at once", async () => {
    const h = new Harness();
    const { room: lobby, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [feed(10, { reset: true, rooms: [room("lobby", 1, 0, { mentions: 1 })] })] });
    expect(shown(h.client)).toEqual(["lobby 1 @1"]);
    await respond(call, { events: [posted(2)] });
    expect(shown(h.client)).toEqual(["lobby 2 @1"]);
    lobby.markRead(2);
    expect(shown(h.client)).toEqual(["lobby 0 @0"]);
    await respond(call, { events: [feed(11, { rooms: [room("lobby", 2, 0, { mentions: 1 })] })] });
    expect(shown(h.client)).toEqual(["lobby 0 @0"]);
    lobby.leave();
    await respond(call, { events: [feed(12, { rooms: [room("lobby", 4, 2, { mentions: 1 })] })] });
    expect(shown(h.client)).toEqual(["lobby 2 @1"]);
  });

  test("is told once for a batch, and not for what the list does not show", async () => {
    const h = new Harness();
    const { call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [feed(10, { reset: true, rooms: [room("lobby", 1, 1)] })] });
    const listener = vi.fn();
    h.client.rooms.subscribe(listener);
    await respond(call, { events: [{ room: "lobby", kind: { case: "presence", value: { reset: true, online: 3 } } }] });
    expect(listener).not.toHaveBeenCalled();
    await respond(call, { events: [posted(2), posted(3)] });
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

test("a room that is read without being joined shows so from then on, whatever the feed said before", async () => {
  const h = new Harness();
  const call = await connect(h, { rooms: [room("attic", 9, 4)] });
  h.client.room("attic").markRead(9);
  expect(shown(h.client)).toEqual(["attic 0 @0"]);
  await vi.advanceTimersByTimeAsync(markIntervalMs);
  const mark = (await takeRequests(call)).find(({ command }) => command.case === "markRead");
  const read = { room: "attic", seq: 9n };
  await respond(call, {
    replies: [{ requestId: mark?.requestId ?? "", result: { case: "markRead", value: { read } } }],
  });
  expect(shown(h.client)).toEqual(["attic 0 @0"]);
  // On another device it was put back.
  await respond(call, { events: [feed(12, { rooms: [room("attic", 9, 7)] })] });
  expect(shown(h.client)).toEqual(["attic 2 @0"]);
});

test("who makes a room by speaking in it is its owner at once", async () => {
  const h = new Harness();
  const lobby = h.client.room("lobby");
  lobby.join();
  h.client.connect();
  const call = await h.accept();
  const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
  const unmade = snapshot([], { room: { firstSeq: 0n } });
  await respond(call, { events: [unmade], replies: [joinResult(join, 0)] });
  expect(lobby.getSnapshot().me).toBeUndefined();
  await respond(call, { events: [{ ...posted(1, { sender: ana }), time: timestampFromMs(5) }] });
  expect(lobby.getSnapshot()).toMatchObject({
    me: { role: "owner", since: new Date(5), muted: false },
    memberCount: 1,
  });
});
