import { ChatClient, memoryTokens } from "@rialto/chat";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import WebSocket from "ws";
import { comeIn, eventually, launch, say } from "./browser.js";
import { idOf, joined, until } from "./clients.js";
import { NoWebSockets } from "./no-websockets.js";
import { RialtoServer } from "./server.js";

// The whole SDK, and the application, where a network refuses every WebSocket.

let server: RialtoServer;
let browser: Browser;
let network: NoWebSockets;
const clients: ChatClient[] = [];

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

beforeEach(async () => {
  network = await NoWebSockets.before(server.url);
});

afterEach(() => {
  for (const client of clients.splice(0)) {
    client.close();
  }
  network.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

function start(displayName: string, tokens = memoryTokens(), baseUrl = network.url): ChatClient {
  const client = new ChatClient({ baseUrl, displayName, tokens, WebSocket });
  clients.push(client);
  client.connect();
  return client;
}

const texts = ({ messages }: { readonly messages: readonly { readonly text: string }[] }) =>
  messages.map(({ text }) => text).join();

test("two clients talk in Node: a new room, history, edits, typing, markers, the list of rooms", async () => {
  const [ana, bo] = [start("Ana"), start("Bo")];
  const anas = await joined(ana, "proxy");
  anas.send("one");
  anas.send("two");
  await until(anas, ({ pending, messages }) => pending.length === 0 && messages.length === 2);
  expect(anas.getSnapshot()).toMatchObject({ me: { role: "owner" }, readSeq: 2 });
  const bos = await joined(bo, "proxy");
  expect(texts(bos.getSnapshot())).toBe("one,two");

  bos.setTyping(true);
  await until(anas, ({ typing }) => typing.some(({ name }) => name === "Bo"));
  bos.send("three", { mentions: [await idOf(ana)] });
  await until(anas, (snapshot) => texts(snapshot) === "one,two,three");
  await until(ana.rooms, ({ rooms }) => rooms[0]?.unread === 1 && rooms[0].mentions === 1);
  await bos.edit(3, "3");
  await until(anas, (snapshot) => texts(snapshot) === "one,two,3");
  anas.markRead(3);
  await until(ana.rooms, ({ rooms }) => rooms[0]?.unread === 0);

  // A second room beside it, and a third that is not to be seen.
  const more = await joined(ana, "proxy-2");
  more.send("elsewhere");
  await until(await joined(bo, "proxy-2"), (snapshot) => texts(snapshot) === "elsewhere");
  bos.send("still here");
  await until(anas, (snapshot) => texts(snapshot) === "one,two,3,still here");
  const { id } = await ana.createRoom({ title: "Den", kind: "private" });
  const den = bo.room(id);
  den.join();
  expect((await until(den, ({ error }) => error !== undefined)).error?.code).toBe("NOT_FOUND");
  expect((await joined(ana, id)).getSnapshot()).toMatchObject({ kind: "private", me: { role: "owner" } });
  expect(network.refused).toBeGreaterThan(0);
});

test("an identity and what was missed survive a crash of the server; a message is there once", async () => {
  const ana = await joined(start("Ana"), "again");
  const bo = await joined(start("Bo", memoryTokens(), server.webSocketUrl), "again");
  ana.send("before");
  await until(bo, (snapshot) => texts(snapshot) === "before");
  const user = clients[0]?.getSnapshot().user?.id;
  await server.kill();
  await until(ana, ({ status }) => status === "joining");
  ana.send("meanwhile");
  await server.restart();
  for (const room of [ana, bo]) {
    await until(room, (snapshot) => snapshot.status === "live" && texts(snapshot) === "before,meanwhile");
  }
  expect(clients[0]?.getSnapshot().user?.id).toBe(user);
});

test("who is removed hears so; and as soon as a WebSocket can be made, it is used", async () => {
  const ana = start("Ana", memoryTokens(), server.webSocketUrl);
  const bo = start("Bo");
  const { id } = await ana.createRoom({ title: "Den", kind: "private" });
  const boId = await idOf(bo);
  await ana.room(id).members.invite(boId);
  await until(bo.rooms, ({ invitations }) => invitations.length === 1);
  await bo.room(id).members.add();
  const den = await joined(bo, id);
  const lobby = await joined(bo, "lobby");
  await ana.room(id).members.ban(boId);
  await until(den, ({ error }) => error?.code === "NOT_FOUND");
  lobby.send("still here");
  await until(lobby, ({ pending }) => pending.length === 0);

  network.mend();
  // In presence are those alone who have a Connect.
  await until(await joined(ana, "lobby"), ({ online }) => online.some(({ id: one }) => one === boId));
  lobby.send("by WebSocket");
  await until(lobby, (snapshot) => texts(snapshot) === "still here,by WebSocket");
});

test("two people talk in Chromium", async () => {
  const ana = await comeIn(browser, `${network.url}/r/blocked`, "Ana");
  const bo = await comeIn(browser, `${network.url}/r/blocked`, "Bo");
  await say(ana.page, "can you hear me?");
  await bo.page.locator("article", { hasText: "can you hear me?" }).waitFor();
  await say(bo.page, "I can");
  await ana.page.locator("article", { hasText: "I can" }).waitFor();
  await eventually(() => ana.page.getByText(/Reconnecting|Connecting|offline/).count(), 0);
  expect(network.refused).toBeGreaterThan(0);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});
