import type { ChatClient } from "@rialto/chat";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually, launch } from "./browser.js";
import { bundle } from "./bundle.js";
import { PlainClient } from "./plain-client.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let code: string;

beforeAll(async () => {
  [server, browser, code] = await Promise.all([RialtoServer.start(), launch(), bundle("client-page.ts")]);
});

beforeEach(async () => {
  await server.restart();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

type Scope = typeof globalThis & { client: ChatClient };

interface Tab {
  readonly page: Page;
  /** How many WebSockets it has made. */
  readonly sockets: () => number;
}

/** Opens a tab that is in a room. */
async function openTab(context: BrowserContext, room: string): Promise<Tab> {
  const page = await context.newPage();
  let sockets = 0;
  page.on("websocket", (socket) => {
    // The example has one of its own.
    sockets += socket.url().endsWith("/rialto") ? 1 : 0;
  });
  await page.goto(`${server.url}/examples/bare.html`);
  await page.addScriptTag({ content: code });
  await page.evaluate((id) => {
    const { client } = globalThis as Scope;
    client.room(id).join();
    client.connect();
  }, room);
  await eventually(() => state(page, room), "live live");
  return { page, sockets: () => sockets };
}

const state = (page: Page, room: string) =>
  page.evaluate((id) => {
    const { client } = globalThis as Scope;
    return `${client.getSnapshot().connection.status} ${client.room(id).getSnapshot().status}`;
  }, room);

const texts = (page: Page, room: string) =>
  page.evaluate(
    (id) =>
      (globalThis as Scope).client
        .room(id)
        .getSnapshot()
        .messages.map(({ text }) => text),
    room,
  );

const unread = (page: Page, room: string) =>
  page.evaluate((id) => (globalThis as Scope).client.room(id).getSnapshot().unread, room);

test("tabs share one connection and one person, agree on what is read, and do without the one that had it", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const first = await openTab(context, "tabs");
  const second = await openTab(context, "tabs");
  expect([first.sockets(), second.sockets()]).toEqual([1, 0]);
  const user = (page: Page) => page.evaluate(() => (globalThis as Scope).client.getSnapshot().user?.id);
  expect(await user(second.page)).toBe(await user(first.page));

  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.say("tabs", "one", "two");
  for (const { page } of [first, second]) {
    await eventually(() => texts(page, "tabs"), ["one", "two"]);
    await eventually(() => unread(page, "tabs"), 2);
  }
  await second.page.evaluate(() => (globalThis as Scope).client.room("tabs").markRead(2));
  await eventually(() => unread(first.page, "tabs"), 0);
  await first.page.evaluate(() => (globalThis as Scope).client.room("tabs").markRead(1));
  await eventually(() => unread(second.page, "tabs"), 1);

  await first.page.close();
  await second.page.evaluate(() => {
    (globalThis as Scope).client.room("tabs").send("still here");
  });
  await eventually(() => texts(second.page, "tabs"), ["one", "two", "still here"]);
  expect(second.sockets()).toBe(1);
  await eventually(() => state(second.page, "tabs"), "live live");
  bo.close();
  await context.close();
});

test("tabs on one connection show the same rooms, and what is read in one is read in all", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const first = await openTab(context, "front");
  const second = await openTab(context, "front");
  const { id } = await first.page.evaluate(() => (globalThis as Scope).client.createRoom({ title: "Back" }));
  const badges = (page: Page) =>
    page.evaluate(() =>
      (globalThis as Scope).client.rooms.getSnapshot().rooms.map(({ title, unread }) => `${title} ${unread}`),
    );
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.say(id, "one", "two");
  for (const { page } of [first, second]) {
    await eventually(() => badges(page), ["Back 2"]);
  }
  await second.page.evaluate((room) => (globalThis as Scope).client.room(room).markRead(2), id);
  for (const { page } of [second, first]) {
    await eventually(() => badges(page), ["Back 0"]);
  }
  expect([first.sockets(), second.sockets()]).toEqual([1, 0]);
  bo.close();
  await context.close();
});

test("tabs come back together when the server does, and nobody has anything twice", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const tabs = [];
  for (let i = 0; i < 3; i++) {
    tabs.push(await openTab(context, "restart"));
  }
  await server.kill();
  for (const [i, { page }] of tabs.entries()) {
    await page.evaluate((text) => {
      (globalThis as Scope).client.room("restart").send(text);
    }, `from tab ${i}`);
  }
  await server.restart();
  for (const { page } of tabs) {
    await eventually(async () => (await texts(page, "restart")).sort(), ["from tab 0", "from tab 1", "from tab 2"]);
  }
  expect(tabs.map(({ sockets }) => sockets() > 0)).toEqual([true, false, false]);
  await context.close();
});

test("a tab that is looked at does not wait for a frozen one that has the connection", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const first = await openTab(context, "frozen");
  const second = await openTab(context, "frozen");
  const devTools = await context.newCDPSession(first.page);
  // As good as frozen: it stops at the next thing that it would do.
  await devTools.send("Debugger.enable");
  await devTools.send("Debugger.pause");
  await second.page.evaluate(() => {
    document.dispatchEvent(new Event("visibilitychange"));
    (globalThis as Scope).client.room("frozen").send("is anybody there?");
  });
  await eventually(() => texts(second.page, "frozen"), ["is anybody there?"]);
  await eventually(() => state(second.page, "frozen"), "live live");
  expect(second.sockets()).toBe(1);

  await devTools.send("Debugger.disable");
  await eventually(() => texts(first.page, "frozen"), ["is anybody there?"]);
  await second.page.evaluate(() => {
    (globalThis as Scope).client.room("frozen").send("now both");
  });
  await eventually(() => texts(first.page, "frozen"), ["is anybody there?", "now both"]);
  await context.close();
});
