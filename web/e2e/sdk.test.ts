import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { dataType, memoryTokens, type RoomSnapshot } from "@rialto/chat";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Clients, joined, until } from "./clients.js";
import { RialtoServer } from "./server.js";

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

const texts = ({ messages }: RoomSnapshot) => messages.map(({ text }) => text);

describe("two clients", () => {
  test("talk: messages, edits, reactions, tombstones, presence, typing", async () => {
    const [ana, bo] = [start("Ana"), start("Bo")];
    const [anas, bos] = await Promise.all([joined(ana, "talk"), joined(bo, "talk")]);
    await until(anas, ({ online }) => online.map(({ name }) => name).join() === "Ana,Bo");

    bos.setTyping(true);
    await until(anas, ({ typing }) => typing.some(({ name }) => name === "Bo"));
    const clientId = bos.send("hello");
    const { messages } = await until(anas, (snapshot) => snapshot.messages.length === 1);
    expect(messages[0]).toMatchObject({ seq: 1, clientId, text: "hello", sender: { name: "Bo", guest: true } });
    expect(anas.getSnapshot()).toMatchObject({ typing: [], unread: 1 });
    await until(bos, ({ pending }) => pending.length === 0);

    await bos.edit(1, "hello!");
    await anas.addReaction(1, "👍");
    const me = ana.getSnapshot().user?.id;
    for (const room of [anas, bos]) {
      const { messages: changed } = await until(room, (s) => s.messages[0]?.reactions.length === 1);
      expect(changed[0]).toMatchObject({ text: "hello!", reactions: [{ emoji: "👍", userIds: [me] }] });
    }
    await anas.removeReaction(1, "👍");
    await bos.remove(1);
    const gone = await until(anas, (s) => s.messages[0]?.deleted === true);
    expect(gone.messages).toMatchObject([{ seq: 1, text: "", reactions: [] }]);

    anas.markRead(1);
    await until(anas, ({ unread }) => unread === 0);
    bo.close();
    await until(anas, ({ onlineCount }) => onlineCount === 1);
  });

  test("are refused in words and fields", async () => {
    const client = start("Ana");
    await client.createRoom({ id: "taken", title: "Taken" });
    await expect(client.createRoom({ id: "taken", title: "" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    const bad = await client.createRoom({ id: "No Good", title: "" }).catch((error: unknown) => error);
    expect(bad).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(bad).toHaveProperty("violations.0.field");

    const room = await joined(client, "taken");
    expect(room.getSnapshot().title).toBe("Taken");
    const clientId = room.send("bell \u0007");
    const { pending } = await until(room, (s) => s.pending[0]?.status === "failed");
    expect(pending).toMatchObject([{ clientId, error: { code: "INVALID_ARGUMENT" } }]);
    room.discard(clientId);
    expect(room.getSnapshot().pending).toEqual([]);

    const nowhere = client.room("No Good");
    nowhere.join();
    const { error } = await until(nowhere, (s) => s.error !== undefined);
    expect(error?.code).toBe("INVALID_ARGUMENT");
    expect((await client.listRooms()).map(({ id }) => id)).toContain("taken");
  });
});

test("an identity lasts over clients and restarts, and a token of nobody makes a new guest", async () => {
  const tokens = memoryTokens();
  const known = ({ user }: { user: unknown }) => user !== undefined;
  const first = await until(start("Ana", tokens), known);
  expect(tokens.get()).toBeTruthy();
  await server.kill();
  await server.restart();
  const second = await until(start("Ana", tokens), known);
  expect(second.user?.id).toBe(first.user?.id);

  const foreign = memoryTokens("not.a.token");
  const { user } = await until(start("Bo", foreign), known);
  expect(user).toMatchObject({ name: "Bo", guest: true });
  expect(foreign.get()).not.toBe("not.a.token");
});

test("a name that the server refuses ends the session with its words", async () => {
  const { connection } = await until(start("x".repeat(65)), (s) => s.connection.status === "closed");
  expect(connection).toMatchObject({ reason: { code: "refused" } });
});

test("history comes page by page, without gaps, to its beginning", async () => {
  const writer = await joined(start("Ana"), "history");
  const expected = Array.from({ length: 180 }, (_, i) => `message ${i + 1}`);
  for (const text of expected) {
    writer.send(text);
  }
  await until(writer, ({ pending }) => pending.length === 0);
  const reader = await joined(start("Bo"), "history");
  expect(reader.getSnapshot().messages.length).toBeLessThan(180);
  while (reader.getSnapshot().hasOlder) {
    await reader.loadOlder();
  }
  expect(texts(reader.getSnapshot())).toEqual(expected);
  expect(texts(writer.getSnapshot())).toEqual(expected);
});

test("answers, mentions, threads and views of old messages", async () => {
  const [ana, bo] = await Promise.all(["Ana", "Bo"].map((name) => joined(start(name), "threads")));
  if (!ana || !bo) {
    throw new Error("nobody came");
  }
  for (let i = 1; i <= 150; i++) {
    ana.send(`message ${i}`);
  }
  await until(bo, ({ headSeq }) => headSeq === 150);
  const about = clients.all[0]?.getSnapshot().user?.id ?? "";
  bo.send("indeed", { replyTo: 40, mentions: [about] });
  bo.send("so it is", { replyTo: 150 });
  const { messages } = await until(ana, ({ headSeq }) => headSeq === 152);
  expect(messages.slice(-3)).toMatchObject([
    { seq: 150, thread: { count: 1, lastSeq: 152 } },
    { seq: 151, replyTo: 40, mentions: [about] },
    { seq: 152, replyTo: 150 },
  ]);

  const thread = ana.thread(40);
  await until(thread, (shown) => shown.messages.length === 1 && !shown.loading);
  bo.send("and more", { replyTo: 40 });
  await until(thread, (shown) => shown.messages.length === 2);
  thread.close();

  const late = await joined(start("Cy"), "threads");
  expect(late.getSnapshot().messages[0]?.seq).toBeGreaterThan(40);
  const around = late.around(40);
  const { messages: near } = await until(around, ({ loading }) => !loading);
  expect(near.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, i) => 16 + i));
  expect(near[24]).toMatchObject({ seq: 40, thread: { count: 2 } });
  while (around.getSnapshot().hasNewer) {
    await around.loadNewer();
  }
  bo.send("last");
  await until(around, (shown) => shown.messages.at(-1)?.text === "last");
  await ana.edit(40, "changed");
  await until(around, (shown) => shown.messages[24]?.text === "changed");
  around.close();
});

test("a private room: invited, promoted, muted, banned", async () => {
  const [ana, bo] = [start("Ana"), start("Bo")];
  const [, known] = await Promise.all([ana, bo].map((client) => until(client, ({ user }) => user !== undefined)));
  const boId = known?.user?.id ?? "";
  const { id } = await ana.createRoom({ title: "The den", kind: "private" });
  const den = await joined(ana, id);
  expect(den.getSnapshot()).toMatchObject({ kind: "private", me: { role: "owner" }, memberCount: 1 });

  const there = bo.room(id);
  there.join();
  expect((await until(there, ({ error }) => error !== undefined)).error?.code).toBe("NOT_FOUND");
  await den.members.invite(boId);
  expect(await bo.listInvitations()).toMatchObject([{ room: { id, title: "The den" }, role: "member" }]);
  await there.members.add();
  there.leave();
  const inside = await joined(bo, id);
  await den.members.load();
  await until(den.members, ({ members }) => members.map(({ user }) => user.name).join() === "Ana,Bo");

  await den.members.setRole(boId, "moderator");
  await until(inside, ({ me }) => me?.role === "moderator");
  await inside.update({ topic: "Quiet, please", slowModeMs: 0 });
  await until(den, ({ topic }) => topic === "Quiet, please");
  await den.members.mute(boId, 60_000);
  await until(inside, ({ me }) => me?.muted === true);
  inside.send("but");
  const { pending } = await until(inside, (shown) => shown.pending[0]?.status === "failed");
  expect(pending[0]?.error?.code).toBe("PERMISSION_DENIED");

  await den.members.ban(boId, { reason: "noise" });
  await until(inside, ({ status, error }) => status === "idle" && error?.code === "NOT_FOUND");
  expect(await den.members.listBans()).toMatchObject([{ user: { id: boId }, reason: "noise" }]);
  await until(den.members, ({ members }) => members.length === 1);
  const { entries } = await den.members.listAudit();
  expect(entries.map(({ action }) => action)).toEqual(["banned", "muted", "room-changed", "role-changed"]);
  expect(entries[0]).toMatchObject({ actor: { name: "Ana" }, userId: boId, text: "noise" });
  await den.update({ archived: true });
  expect(den.getSnapshot().archived).toBe(true);
});

test("direct rooms, links, requests to join, and blocks", async () => {
  const [ana, bo] = [start("Ana"), start("Bo")];
  const known = await Promise.all([ana, bo].map((client) => until(client, ({ user }) => user !== undefined)));
  const [anaId, boId] = known.map(({ user }) => user?.id ?? "");
  const direct = await ana.openDirectRoom([boId ?? ""]);
  expect(direct).toMatchObject({ kind: "direct", people: [anaId, boId].sort() });
  expect((await bo.openDirectRoom([anaId ?? ""])).id).toBe(direct.id);
  const [anas, bos] = await Promise.all([ana, bo].map((client) => joined(client, direct.id)));
  anas?.send("just us");
  if (anas && bos) {
    await until(bos, (shown) => texts(shown).join() === "just us");
    await bo.blockUser(anaId ?? "");
    expect(await bo.listBlockedUsers()).toEqual([anaId]);
    anas.send("and now?");
    const { pending } = await until(anas, (shown) => shown.pending[0]?.status === "failed");
    expect(pending[0]?.error?.code).toBe("PERMISSION_DENIED");
    await bo.unblockUser(anaId ?? "");
  }

  const profile = await bo.updateProfile({ displayName: "Bo B.", about: "I knit.", emoji: "🧶" });
  expect(profile).toMatchObject({ displayName: "Bo B.", about: "I knit.", emoji: "🧶", updateTime: expect.any(Date) });
  expect(await ana.getProfiles([profile.userId, "nobody"])).toEqual([
    profile,
    { userId: "nobody", displayName: "", about: "", emoji: "", updateTime: undefined },
  ]);
  await bo.updateProfile({ displayName: "" });
  expect(await bo.getProfiles()).toMatchObject([{ displayName: "", about: "I knit." }]);

  const { id } = await ana.createRoom({ title: "The club", kind: "private" });
  const club = await joined(ana, id);
  await club.update({ joinRequests: true });
  const token = await club.members.createLink({ maxUses: 1 });
  expect(await bo.acceptLink(token)).toBe(id);
  expect(await club.members.listLinks()).toMatchObject([{ uses: 1, maxUses: 1, role: "member" }]);
  const cy = start("Cy");
  await expect(cy.acceptLink(token)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await cy.room(id).members.request("Let me in");
  const [request] = await club.members.listRequests();
  expect(request).toMatchObject({ user: { name: "Cy" }, note: "Let me in" });
  await club.members.answerRequest(request?.user.id ?? "", true);
  await until(club, ({ memberCount }) => memberCount === 3);
  await joined(cy, id);
});

test("messages of a protobuf type, for programs", async () => {
  const [ana, bo] = await Promise.all(["Ana", "Bo"].map((name) => joined(start(name), "data")));
  const durations = dataType(DurationSchema);
  if (ana && bo) {
    durations.send(ana, { seconds: 90n, nanos: 5 });
    const { messages } = await until(bo, (shown) => shown.messages.length === 1);
    expect(messages.map((message) => durations.read(message))).toMatchObject([{ seconds: 90n, nanos: 5 }]);
  }
  expect.assertions(1);
});

test("a server that drains says so; the client comes back and goes on", async () => {
  const client = start("Ana");
  const room = await joined(client, "drain");
  room.send("before");
  await until(room, ({ messages }) => messages.length === 1);
  const told = until(client, ({ connection }) => connection.status === "reconnecting");
  await server.stop();
  expect((await told).connection).toMatchObject({ reason: { code: "unavailable" } });
  room.send("meanwhile");
  await server.restart();
  await until(room, ({ status, pending }) => status === "live" && pending.length === 0);
  expect(texts(room.getSnapshot())).toEqual(["before", "meanwhile"]);
});

test("kill -9 under load, 20 times: every message is there exactly once, and every list is the same", async () => {
  const rooms = await Promise.all(["Ana", "Bo", "Cy", "Di"].map((name) => joined(start(name), "crash")));
  const sent: string[] = [];
  const load = setInterval(() => {
    for (const room of rooms) {
      const text = `message ${sent.length}`;
      sent.push(text);
      room.send(text);
    }
  }, 10);
  for (let round = 0; round < 20; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20 * (round % 7)));
    await server.kill();
    await server.restart();
    // The backoff would have them wait for the server's sake; this test is in a hurry.
    for (const client of clients.all) {
      client.connect();
    }
    await Promise.all(rooms.map((room) => until(room, ({ status }) => status === "live")));
  }
  clearInterval(load);
  const settled = ({ status, pending, headSeq }: RoomSnapshot) =>
    status === "live" && pending.length === 0 && headSeq >= sent.length;
  await Promise.all(rooms.map((room) => until(room, settled)));

  const late = await joined(start("Eve"), "crash");
  for (const room of [...rooms, late]) {
    while (room.getSnapshot().hasOlder) {
      await room.loadOlder();
    }
    const { messages } = room.getSnapshot();
    expect(messages.map(({ seq }) => seq)).toEqual(sent.map((_, i) => i + 1));
    expect(messages).toEqual(rooms[0]?.getSnapshot().messages);
  }
  expect(texts(late.getSnapshot()).sort()).toEqual(sent.sort());
});
