import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comeIn, eventually, launch, phone, say } from "./browser.js";
import { PlainClient } from "./plain-client.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let bo: PlainClient;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  bo = await PlainClient.connect(server.webSocketUrl, "Bo");
});

afterAll(async () => {
  bo?.close();
  await browser?.close();
  await server?.close();
});

const small = { ...phone, viewport: { width: 320, height: 568 } };

const room = (id: string) => `${server.url}/r/${id}`;

const message = (page: Page, seq: number) => page.getByRole("main").locator(`article[data-seq="${seq}"]`);

const overhang = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** Taps a message, again if what can be done with it does not show: the list may move under a finger. Then taps one of those. */
async function choose(page: Page, seq: number, action: string): Promise<void> {
  const button = message(page, seq).getByRole("button", { name: action });
  for (let taps = 0; taps < 5 && !(await button.isVisible()); taps++) {
    await page
      .locator(":focus")
      .blur({ timeout: 100 })
      .catch(() => undefined);
    await message(page, seq).tap();
    await button.waitFor({ timeout: 2_000 }).catch(() => undefined);
  }
  await button.tap();
}

test("with fingers alone one makes a room, talks in it, changes what one said, and goes elsewhere", async () => {
  const { page, faults } = await comeIn(browser, room("lobby"), "Ana", phone);
  await page.getByRole("button", { name: "All rooms" }).tap();
  await page.getByRole("button", { name: "New room" }).tap();
  await page.getByLabel("Title").fill("On the way");
  await page.getByRole("button", { name: "Make room" }).tap();
  await page.waitForURL(room("on-the-way"));
  await page.getByRole("textbox", { name: "Message #on-the-way" }).tap();
  await page.keyboard.type("frist");
  await page.getByRole("button", { name: "Send" }).tap();
  await choose(page, 1, "Edit");
  await page.getByLabel("Edit the message").fill("first");
  await page.getByRole("button", { name: "Save" }).tap();
  await message(page, 1).getByText("first", { exact: true }).waitFor();
  // The editor closes with the answer, which may come later, and moves what is below it.
  await page.getByLabel("Edit the message").waitFor({ state: "detached" });

  await bo.say("on-the-way", "hello");
  await choose(page, 2, "Reply");
  await say(page, "and hello");
  await message(page, 2).getByRole("button", { name: "1 reply" }).tap();
  const thread = page.getByRole("dialog", { name: "Thread" });
  await thread.getByRole("textbox", { name: "Reply", exact: true }).fill("again");
  await thread.getByRole("button", { name: "Send" }).tap();
  await thread.getByText("2 replies").waitFor();
  await thread.getByRole("button", { name: "Close" }).tap();

  await choose(page, 1, "Delete");
  await message(page, 1).getByRole("button", { name: "Delete" }).tap();
  await page.getByText("This message was deleted.").waitFor();

  await page.getByRole("button", { name: "All rooms" }).tap();
  await page.getByRole("link", { name: "lobby" }).tap();
  await page.getByRole("textbox", { name: "Message #lobby" }).waitFor();
  await bo.say("on-the-way", "are you there?");
  await page.goBack();
  await page.goBack();
  await page.waitForURL(room("on-the-way"));
  await page.locator("article", { hasText: "are you there?" }).waitFor();
  expect(await overhang(page)).toBe(0);
  expect(faults).toEqual([]);
});

test("the keyboard of a phone leaves all in sight, also where the page keeps its height", async () => {
  const { page } = await comeIn(browser, room("keyboard"), "Ana", phone);
  const showKeyboard = (height: number) =>
    page.evaluate((height) => {
      Object.defineProperty(visualViewport, "height", { value: height, configurable: true });
      visualViewport?.dispatchEvent(new Event("resize"));
    }, height);
  const bottom = async () => {
    const box = await page.getByRole("textbox", { name: "Message #keyboard" }).boundingBox();
    return (box?.y ?? 0) + (box?.height ?? 0);
  };
  expect(await bottom()).toBeGreaterThan(700);
  await showKeyboard(480);
  await eventually(async () => (await bottom()) <= 480, true);
  await showKeyboard(844);
  await eventually(async () => (await bottom()) > 700, true);
});

test("at 320 px a room is set, moderated and left, and nothing lies outside", async () => {
  const { page, faults } = await comeIn(browser, room("tiny"), "Ana", small);
  await say(page, "mine");
  await message(page, 1).waitFor();
  await bo.join("tiny");
  const about = page.getByRole("button", { name: /^Who is here/ });
  await about.tap();
  await page.getByRole("button", { name: "Room settings" }).tap();
  await page.getByLabel("Slow mode").selectOption("30 seconds");
  expect(await overhang(page)).toBe(0);
  await page.getByRole("button", { name: "Save" }).tap();
  await page.getByText("Slow mode: one message every 30 s.").first().waitFor();
  await page.getByRole("region", { name: "Here now" }).getByRole("button", { name: /Bo/ }).tap();
  await page.getByRole("button", { name: "Mute for an hour" }).tap();
  await page.getByRole("dialog", { name: "Person" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Moderation" }).tap();
  await page.getByRole("button", { name: "Log" }).tap();
  await page.getByRole("dialog", { name: "Moderation" }).getByText("muted").waitFor();
  expect(await overhang(page)).toBe(0);
  for (const button of await page.getByRole("dialog", { name: "Moderation" }).getByRole("button").all()) {
    const box = await button.boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(44);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(320);
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "About this room" }).getByRole("button", { name: "Close" }).tap();
  await eventually(() => page.getByRole("dialog").count(), 0);
  await page.getByRole("textbox", { name: "Message #tiny" }).waitFor();
  expect(faults).toEqual([]);
});
