import type { ChatClient } from "@rialto/chat";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, launch } from "./browser.js";
import { bundle } from "./bundle.js";
import { PlainClient } from "./plain-client.js";
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

type Scope = typeof globalThis & { client: ChatClient; renderings: { title: number } };

test("components follow the connection, a room and a thread, and render only for what they show", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${server.url}/examples/bare.html`);
  await page.addScriptTag({ content: await bundle("react-page.ts") });
  await eventually(() => page.locator("#status").textContent(), "Ana live");

  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.say("react", "one", "two");
  const shown = () => page.locator("#messages li").allTextContents();
  await eventually(shown, ["one", "two"]);
  const before = await page.evaluate(() => (globalThis as Scope).renderings.title);
  await page.evaluate(() => {
    (globalThis as Scope).client.room("react").send("three", { replyTo: 1 });
  });
  await eventually(shown, ["one", "two", "three"]);
  await eventually(() => page.locator("#thread").textContent(), "three");
  expect(await page.evaluate(() => (globalThis as Scope).renderings.title)).toBe(before);

  const status = () => page.evaluate(() => (globalThis as Scope).client.room("react").getSnapshot().status);
  await page.getByRole("button", { name: "leave" }).click();
  await eventually(status, "idle");
  await bo.say("react", "meanwhile");
  await page.getByRole("button", { name: "come back" }).click();
  await eventually(shown, ["one", "two", "three", "meanwhile"]);
  bo.close();
});
