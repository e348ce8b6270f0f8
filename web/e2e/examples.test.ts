import { ChatClient, memoryTokens } from "@rialto/chat";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { answerPings } from "../chat/examples/bot.js";
import { followTime } from "../chat/examples/data.js";
import { eventually, launch } from "./browser.js";
import { bundle } from "./bundle.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

function client(): ChatClient {
  const made = new ChatClient({ baseUrl: server.webSocketUrl, WebSocket, tokens: memoryTokens(), displayName: "Ana" });
  made.connect();
  return made;
}

test("the bot answers what came while it was away, and what comes", async () => {
  const ana = client();
  const room = ana.room("bot");
  room.join();
  room.send("ping");
  await eventually(() => room.getSnapshot().headSeq, 1);
  const bot = answerPings(server.webSocketUrl, "bot");
  await eventually(() => room.getSnapshot().headSeq, 2);
  room.send("ping");
  await eventually(() => room.getSnapshot().messages.map(({ replyTo }) => replyTo), [undefined, 1, undefined, 3]);
  bot.close();
  ana.close();
});

test("typed data comes back as what it was", async () => {
  const ana = client();
  const times: Date[] = [];
  followTime(ana, "data", (time) => times.push(time));
  await eventually(() => times.length, 1);
  expect(Math.abs((times[0]?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  ana.close();
});

test.each(["lobby.ts", "lobby.tsx"])("the page %s runs as it is", async (example) => {
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(`${server.url}/examples/bare.html`);
  await page.addScriptTag({ content: await bundle(`../chat/examples/${example}`) });
  if (example === "lobby.ts") {
    await eventually(() => page.locator("pre").last().textContent(), "live\nWhat news on the Rialto?");
  } else {
    await eventually(() => page.locator('ul[aria-label="live"] li').allTextContents(), ["What news on the Rialto?"]);
  }
});
