import { type ChatClient, memoryTokens, type RoomsSnapshot } from "@rialto/chat";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Clients, idOf, joined, until } from "./clients.js";
import { RialtoServer } from "./server.js";

// The rooms that `client.rooms` shows, as the real server's feed tells them.

let server: RialtoServer;
const clients = new Clients(() => server);
const start = clients.start.bind(clients);

beforeAll(async () => {
  server = await RialtoServer.start();
});

afterEach(() => {
  clients.close();
});

afterAll(async () => {
  await server?.close();
});

/** Returns what the list shows of a room: "unread @mentions", or nothing where it is not in the list. */
const badge = (id: string) => (snapshot: RoomsSnapshot) => {
  const room = snapshot.rooms.find((one) => one.id === id);
  return room && `${room.unread} @${room.mentions}`;
};

const shows = (client: ChatClient, id: string, expected: string | undefined) =>
  until(client.rooms, (snapshot) => badge(id)(snapshot) === expected);

test("what others write in rooms that are not open is counted, and what is read on one device is read on the other", async () => {
  const tokens = memoryTokens();
  const desk = start("Ana", tokens);
  const ana = await idOf(desk);
  const phone = start("Ana", memoryTokens(tokens.get()));
  const { id } = await desk.createRoom({ title: "News" });
  const bo = await joined(start("Bo"), id);
  await Promise.all([desk, phone].map((client) => shows(client, id, "0 @0")));

  bo.send("one");
  bo.send("two, and you", { mentions: [ana] });
  const lists = await Promise.all([desk, phone].map((client) => shows(client, id, "2 @1")));
  expect(lists[0]?.rooms).toMatchObject([{ id, title: "News", kind: "public", me: { role: "owner" } }]);

  const open = await joined(phone, id);
  open.markRead(2);
  expect(badge(id)(phone.rooms.getSnapshot())).toBe("0 @0");
  await shows(desk, id, "0 @0");

  bo.send("three");
  await shows(desk, id, "1 @0");
  // Not open there: a marker is moved all the same, and at once.
  desk.room(id).markRead(3);
  expect(badge(id)(desk.rooms.getSnapshot())).toBe("0 @0");
  await until(open, ({ unread }) => unread === 0);
  await shows(phone, id, "0 @0");
});

test("an invitation appears and vanishes; a room comes with the membership, changes with the role, and goes with it", async () => {
  const [ana, bo, cy] = [start("Ana"), start("Bo"), start("Cy")];
  const [boId, cyId] = await Promise.all([idOf(bo), idOf(cy)]);
  const { id } = await ana.createRoom({ title: "The den", kind: "private" });
  const { members } = ana.room(id);
  for (const [userId, client] of [
    [boId, bo],
    [cyId, cy],
  ] as const) {
    await members.invite(userId);
    const { invitations } = await until(client.rooms, (snapshot) => snapshot.invitations.length > 0);
    expect(invitations).toMatchObject([
      { room: { id, title: "The den", kind: "private" }, invitedBy: { name: "Ana" }, role: "member" },
    ]);
  }
  await cy.room(id).members.removeInvitation();
  await until(cy.rooms, (snapshot) => snapshot.invitations.length === 0);
  await bo.room(id).members.add();
  await until(bo.rooms, ({ invitations, rooms }) => invitations.length === 0 && rooms.length === 1);

  await members.setRole(boId, "moderator");
  await until(bo.rooms, ({ rooms }) => rooms[0]?.me.role === "moderator");
  await ana.room(id).update({ title: "The lair", joinRequests: true });
  await until(bo.rooms, ({ rooms }) => rooms[0]?.title === "The lair");
  await cy.room(id).members.request("And me?");
  await until(bo.rooms, ({ rooms }) => rooms[0]?.requests === 1);

  await members.ban(boId);
  await shows(bo, id, undefined);
  expect(badge(id)(ana.rooms.getSnapshot())).toBe("0 @0");
});

test("it is the same after the server was gone, with what happened meanwhile", async () => {
  const ana = start("Ana");
  const { id } = await ana.createRoom({ title: "Here" });
  const bo = start("Bo");
  (await joined(bo, id)).send("before");
  await shows(ana, id, "1 @0");
  await server.kill();
  bo.room(id).send("meanwhile");
  expect(badge(id)(ana.rooms.getSnapshot())).toBe("1 @0");
  await server.restart();
  await shows(ana, id, "2 @0");
});

test("who makes a room by speaking in it is its owner, and has it in the list", async () => {
  const ana = start("Ana");
  const room = await joined(ana, "speech");
  expect(room.getSnapshot().me).toBeUndefined();
  room.send("hear");
  const { memberCount } = await until(room, ({ me }) => me?.role === "owner");
  expect(memberCount).toBe(1);
  const { rooms } = await shows(ana, "speech", "0 @0");
  expect(rooms).toMatchObject([{ id: "speech", me: { role: "owner" } }]);
});
