import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comeIn, eventually, launch, lookElsewhere, phone, say } from "./browser.js";
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

const room = (id: string) => `${server.url}/r/${id}`;

const message = (page: Page, seq: number) => page.getByRole("main").locator(`article[data-seq="${seq}"]`);

const composer = (page: Page) => page.getByRole("textbox", { name: /^Message #/ });

describe.each([
  ["desktop", {}],
  ["phone", phone],
] as const)("two people on a %s", (device, options) => {
  test("answer each other, follow the answers, and mention each other", async () => {
    const id = `answers-${device}`;
    const ana = await comeIn(browser, room(id), "Ana", options);
    const bo = await comeIn(browser, room(id), "Bo", options);
    await say(ana.page, "who tells support?");
    await message(bo.page, 1).waitFor();

    // A reply, begun with the toolbar.
    await message(bo.page, 1).focus();
    await message(bo.page, 1).getByRole("button", { name: "Reply" }).click();
    await bo.page.getByText("Replying to").waitFor({ state: "attached" });
    await composer(bo.page).fill("I do");
    await composer(bo.page).press("Enter");
    expect(await bo.page.getByText("Replying to").count()).toBe(0);
    const quote = message(ana.page, 2).getByRole("button", { name: "In reply to" });
    expect(await quote.textContent()).toContain("Anawho tells support?");

    // Its answers have a pane of their own, where one answers, too.
    await message(ana.page, 1).getByRole("button", { name: "1 reply" }).click();
    const answer = ana.page.getByRole("textbox", { name: "Reply", exact: true });
    await answer.fill("thank you");
    await answer.press("Enter");
    await message(bo.page, 3).getByText("thank you").waitFor();
    await message(bo.page, 1).getByRole("button", { name: "2 replies" }).waitFor();
    const pane = ana.page.getByRole("list", { name: "Replies" });
    await eventually(() => pane.locator(".message-text").allTextContents(), ["I do", "thank you"]);
    await ana.page.getByRole("button", { name: "Close", exact: true }).click();

    // A mention, completed from the first letters.
    await composer(bo.page).pressSequentially("and @an");
    await bo.page.getByRole("option", { name: "Ana" }).waitFor();
    await bo.page.keyboard.press("Enter");
    expect(await composer(bo.page).inputValue()).toBe("and @Ana ");
    await composer(bo.page).pressSequentially("knows");
    await composer(bo.page).press("Enter");
    await message(ana.page, 4).locator(".mention[data-me]", { hasText: "@Ana" }).waitFor();
    await message(bo.page, 4).locator(".mention:not([data-me])", { hasText: "@Ana" }).waitFor();

    // To what was answered, by its quote.
    await quote.click();
    await ana.page.waitForURL(`${room(id)}/1`);
    await eventually(() => message(ana.page, 1).evaluate((element) => element === document.activeElement), true);
    expect([...ana.faults, ...bo.faults]).toEqual([]);
  });
});

test("a mention shows at the room in the list, and what one wants to hear of is a setting of each room", async () => {
  const ana = await comeIn(browser, room("elsewhere"), "Ana");
  await say(ana.page, "so that it is");
  await message(ana.page, 1).waitFor();
  const bo = await comeIn(browser, room("mentions"), "Bo");
  const { page } = ana;
  await page.goto(room("mentions"));
  await message(page, 1).or(page.getByText("Beginning of #mentions")).first().waitFor();
  await eventually(() => bo.page.locator(".person").count(), 2);
  await say(page, "I am here");
  await page.getByRole("link", { name: "elsewhere" }).click();
  await page.getByRole("heading", { name: "elsewhere" }).waitFor();

  await say(bo.page, "@Ana look");
  const link = page.getByRole("link", { name: "mentions" });
  await eventually(() => link.textContent(), expect.stringContaining("mentions you"));
  await eventually(() => page.title(), expect.stringMatching(/^\(1\) /));
  expect(await page.locator('link[rel="icon"]').getAttribute("href")).toBe("/favicon-unread.svg");

  await bo.page.getByLabel("Notify me about").selectOption("Nothing");
  await bo.page.getByRole("link", { name: "elsewhere" }).click();
  await bo.page.getByRole("heading", { name: "elsewhere" }).waitFor();
  await link.click();
  await message(page, 2).waitFor();
  await say(page, "are you there?");
  const muted = bo.page.getByRole("link", { name: "mentions" });
  await eventually(() => muted.textContent(), expect.stringContaining("1 unread"));
  await eventually(() => bo.page.title(), "elsewhere · Rialto");
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("notifications come while one looks elsewhere, for what one wants to hear of", async () => {
  const { page, faults } = await comeIn(browser, room("notify"), "Ana");
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  const shown = await lookElsewhere(page);
  await bo.say("notify", "not for you");
  await message(page, 1).waitFor();
  expect(await shown()).toEqual([]);
  await page.getByLabel("Notify me about").selectOption("Every message");
  await bo.say("notify", "for all");
  await eventually(shown, ["Bo · notify: for all"]);
  bo.close();
  expect(faults).toEqual([]);
});

test("Markdown is shown, and an emoji is chosen from all or by its name", async () => {
  const { page, faults } = await comeIn(browser, room("marks"), "Ana");
  await composer(page).fill("**bold** `code`\n```js\nlet x = 1;\n```");
  await composer(page).press("Enter");
  await message(page, 1).locator("strong", { hasText: "bold" }).waitFor();
  expect(await message(page, 1).locator("pre").textContent()).toBe("let x = 1;");

  await page.getByRole("button", { name: "Emojis" }).click();
  await page.getByLabel("Find an emoji").fill("tada");
  await page.keyboard.press("Enter");
  await eventually(() => composer(page).inputValue(), "🎉");
  await composer(page).pressSequentially(" :rock");
  await page.getByRole("option", { name: /rocket/ }).waitFor();
  await page.keyboard.press("Tab");
  expect(await composer(page).inputValue()).toBe("🎉 🚀 ");
  await composer(page).press("Enter");
  await message(page, 2).locator("[data-jumbo]").waitFor();

  await message(page, 1).focus();
  await page.keyboard.press("+");
  await page.getByRole("button", { name: "More emojis" }).click();
  await page.getByLabel("Find an emoji").fill("rainbow");
  await page.keyboard.press("Enter");
  await message(page, 1).getByRole("button", { name: "🌈 1" }).waitFor();
  expect(faults).toEqual([]);
});

test("a message's address is copied, and leads there", async () => {
  const { page, faults } = await comeIn(browser, room("link"), "Ana", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await say(page, "here");
  await message(page, 1).focus();
  await page.keyboard.press("l");
  await page.getByText("The address is in the clipboard.").waitFor();
  const address = await page.evaluate(() => navigator.clipboard.readText());
  expect(address).toBe(`${room("link")}/1`);
  await page.goto(address);
  await eventually(() => message(page, 1).evaluate((element) => element === document.activeElement), true);
  expect(faults).toEqual([]);
});

test("a tap on a message shows what can be done with it", async () => {
  const { page, faults } = await comeIn(browser, room("tap"), "Ana", phone);
  await say(page, "first");
  await say(page, "second");
  await message(page, 2).waitFor();
  await message(page, 1).tap();
  await message(page, 1).getByRole("button", { name: "React" }).tap();
  await message(page, 1).getByRole("button", { name: "👍", exact: true }).tap();
  await message(page, 1).getByRole("button", { name: "👍 1", pressed: true }).waitFor();
  for (const button of await message(page, 1).getByRole("toolbar").getByRole("button").all()) {
    const box = await button.boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
  }
  expect(faults).toEqual([]);
});

test("what is being edited stays while one scrolls away and back", async () => {
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  const { page } = await comeIn(browser, room("edit"), "Ana");
  await say(page, "mine");
  await message(page, 1).waitFor();
  await bo.say("edit", ...Array.from({ length: 150 }, (_, i) => `line ${i}`));
  await page.goto(`${room("edit")}/1`);
  await eventually(() => message(page, 1).evaluate((element) => element === document.activeElement), true);
  await page.keyboard.press("e");
  await page.getByLabel("Edit the message").fill("mine, half changed");
  await page.getByRole("button", { name: "Jump to present" }).click();
  await message(page, 151).waitFor();
  expect(await message(page, 1).count()).toBe(0);
  await page.goBack();
  await message(page, 1).waitFor();
  expect(await page.getByLabel("Edit the message").inputValue()).toBe("mine, half changed");
  bo.close();
});

test("what is edited in a thread is edited there alone", async () => {
  const { page, faults } = await comeIn(browser, room("panes"), "Ana");
  await say(page, "frist");
  await message(page, 1).waitFor();
  await message(page, 1).focus();
  await page.keyboard.press("t");
  const thread = page.getByRole("complementary", { name: "Thread" });
  await thread.locator('article[data-seq="1"]').focus();
  await page.keyboard.press("e");
  await thread.getByLabel("Edit the message").waitFor();
  await thread.getByLabel("Edit the message").fill("first");
  expect(await page.getByLabel("Edit the message").count()).toBe(1);
  await page.keyboard.press("Enter");
  await message(page, 1).getByText("first").waitFor();
  await eventually(() => page.getByLabel("Edit the message").count(), 0);

  await message(page, 1).focus();
  await page.keyboard.press("e");
  await page.getByRole("main").getByLabel("Edit the message").waitFor();
  expect(await page.getByLabel("Edit the message").count()).toBe(1);
  expect(faults).toEqual([]);
});

test("a change that is saved closes no editor that was opened meanwhile", async () => {
  const { page, faults } = await comeIn(browser, room("meanwhile"), "Ana");
  await say(page, "frist");
  await message(page, 1).waitFor();
  await say(page, "secnod");
  await message(page, 2).focus();
  await message(page, 2).getByRole("button", { name: "Reply" }).waitFor();
  await message(page, 1).focus();
  await page.keyboard.press("e");
  const editor = page.getByLabel("Edit the message");
  await editor.fill("first");
  // At once: the server has not answered before that.
  await page.evaluate(() => {
    const press = (element: Element | null | undefined, key: string) =>
      element?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    press(document.activeElement, "Enter");
    press(document.querySelector('main article[data-seq="2"]'), "e");
  });
  await message(page, 1).getByText("first").waitFor();
  await message(page, 2).getByLabel("Edit the message").fill("second");
  await page.keyboard.press("Enter");
  await message(page, 2).getByText("second").waitFor();
  await eventually(() => editor.count(), 0);
  expect(faults).toEqual([]);
});

test("an owner deletes what others say, and others do not", async () => {
  const ana = await comeIn(browser, room("deleted"), "Ana");
  await say(ana.page, "mine");
  await message(ana.page, 1).waitFor();
  const bo = await comeIn(browser, room("deleted"), "Bo");
  await say(bo.page, "spam");
  await message(ana.page, 2).focus();
  await message(ana.page, 2).getByRole("button", { name: "Reply" }).waitFor();
  expect(await message(ana.page, 2).getByRole("button", { name: "Edit" }).count()).toBe(0);
  await ana.page.keyboard.press("Delete");

  // Not yet: the keyboard is where it was.
  await message(ana.page, 2).getByRole("button", { name: "Keep" }).press("Enter");
  await eventually(() => message(ana.page, 2).evaluate((element) => element === document.activeElement), true);
  await message(ana.page, 2).getByRole("button", { name: "Delete" }).click();
  await message(ana.page, 2).getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
  await message(bo.page, 2).getByText("This message was deleted.").waitFor();

  await message(bo.page, 1).focus();
  await message(bo.page, 1).getByRole("button", { name: "Reply" }).waitFor();
  expect(await message(bo.page, 1).getByRole("button", { name: "Delete" }).count()).toBe(0);
  await bo.page.keyboard.press("Delete");
  expect(await bo.page.getByRole("toolbar", { name: "Delete this message?" }).count()).toBe(0);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("the key that ends a composition neither sends nor chooses nor closes, as Safari tells of it", async () => {
  const { page, faults } = await comeIn(browser, room("compose"), "Ana");
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.say("compose", "here");
  await message(page, 1).waitFor();
  const enter = { key: "Enter", keyCode: 229, bubbles: true, cancelable: true };
  await composer(page).fill("にほん");
  await composer(page).dispatchEvent("keydown", enter);
  expect(await composer(page).inputValue()).toBe("にほん");

  await composer(page).fill("@b");
  await page.getByRole("option", { name: "Bo" }).waitFor();
  await composer(page).dispatchEvent("keydown", enter);
  expect(await composer(page).inputValue()).toBe("@b");
  await composer(page).fill("");

  await page.keyboard.press("Control+k");
  const switcher = page.getByRole("combobox", { name: "Room" });
  await switcher.fill("lobby");
  await page.getByRole("option", { name: "lobby" }).first().waitFor();
  await switcher.dispatchEvent("keydown", enter);
  await page.keyboard.press("Escape");
  expect(page.url()).toBe(room("compose"));

  const escapeKey = { ...enter, key: "Escape" };
  await message(page, 1).focus();
  await page.keyboard.press("r");
  await page.getByText("Replying to").waitFor({ state: "attached" });
  await composer(page).dispatchEvent("keydown", escapeKey);
  await page.getByRole("button", { name: "Emojis" }).click();
  await page.getByRole("dialog", { name: "Emojis" }).getByRole("searchbox").dispatchEvent("keydown", escapeKey);
  await page.getByRole("dialog", { name: "Emojis" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Replying to").waitFor({ state: "attached" });
  await say(page, "にほん");
  await message(page, 2).focus();
  await page.keyboard.press("e");
  await page.getByLabel("Edit the message").dispatchEvent("keydown", escapeKey);
  await page.getByLabel("Edit the message").waitFor();
  bo.close();
  expect(faults).toEqual([]);
});

test("where only the service worker shows notifications, a click on one leads to the message", async () => {
  const { page, faults } = await comeIn(browser, room("by-worker"), "Ana");
  await page.evaluate(() => navigator.serviceWorker.ready);
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  const shown = await lookElsewhere(page);
  // As in Chrome on Android.
  await page.evaluate(() => {
    class NoNotification {
      static permission = "granted";
      constructor() {
        throw new TypeError("Illegal constructor");
      }
    }
    const { shown } = window as unknown as { shown: string[] };
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
      shown.push(`${title}: ${options?.body} > ${options?.data}`);
    };
    Object.assign(window, { Notification: NoNotification });
  });
  await page.getByLabel("Notify me about").selectOption("Every message");
  await bo.say("by-worker", "for all");
  await eventually(shown, ["Bo · by-worker: for all > /r/by-worker/1"]);

  const context = page.context();
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  await worker.evaluate((data) => {
    const notification = { data, close: () => undefined };
    // Only a click of a person may move the focus.
    const waitUntil = (done: Promise<void>) => void done.catch(() => undefined);
    self.dispatchEvent(Object.assign(new Event("notificationclick"), { notification, waitUntil }));
  }, "/r/by-worker/1");
  await page.waitForURL(`${room("by-worker")}/1`);
  bo.close();
  expect(faults).toEqual([]);
});
