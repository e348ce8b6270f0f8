import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open } from "./browser.js";
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

const log = (page: Page) => page.locator("#log li").allTextContents();

test("a bare page talks JSON over new WebSocket, and learns how it ended", async () => {
  const eve = await PlainClient.connect(server.webSocketUrl, "Eve");
  await eve.say("lobby", "before", "<b>not bold</b>");
  const { page, faults } = await open(browser, `${server.url}/examples/bare.html`);
  await expect.poll(() => log(page)).toEqual(["1 Eve: before", "2 Eve: <b>not bold</b>"]);

  await page.getByLabel("Message").fill("from the page");
  await page.keyboard.press("Enter");
  await expect.poll(() => log(page)).toHaveLength(3);
  expect((await log(page))[2]).toMatch(/^3 Guest \w+: from the page$/);
  await eve.say("lobby", "after");
  await expect.poll(async () => (await log(page))[3]).toBe("4 Eve: after");

  eve.close();
  await server.stop();
  await expect.poll(async () => (await log(page))[4]).toMatch(/^closed: code=4014 reason=.+ wasClean=true$/);
  expect(faults).toEqual([]);
});

test("a page whose server dies gets onerror or an unclean onclose", async () => {
  await server.restart();
  const { page } = await open(browser, `${server.url}/examples/bare.html`);
  await expect.poll(() => log(page)).toHaveLength(4);
  await server.kill();
  await expect.poll(async () => (await log(page)).at(-1)).toBe("closed: code=1006 reason= wasClean=false");
  await server.restart();
});

test("README shows the script of that page", () => {
  const file = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  const shown = /```js\n([\s\S]*?)```/.exec(file("../../README.md"))?.[1] ?? "";
  expect(shown).toContain("new WebSocket");
  expect(shown.trimEnd().split("\n")).toHaveLength(10);
  expect(file("../app/public/examples/bare.html")).toContain(shown);
});
