import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comeIn, eventually, launch, open, say } from "./browser.js";
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

/** The names of those who are here, each with what is said about them. */
const present = (page: Page) => page.getByRole("region", { name: "Here now" }).locator(".person-name");

const texts = (page: Page) => page.locator("article .message-text").allTextContents();

describe("two people", () => {
  test("talk, see each other come and go, and see each other type", async () => {
    const ana = await comeIn(browser, room("talk"), "Ana");
    const bo = await comeIn(browser, room("talk"), "Bo");
    const people = present(ana.page);
    await eventually(() => people.allTextContents(), ["Anayou", "Boguest"]);

    await say(ana.page, "hello");
    await bo.page.getByRole("article", { name: /^Ana, .*: hello$/ }).waitFor();
    await say(bo.page, "good morning");
    await ana.page.getByRole("article", { name: /^Bo, .*: good morning$/ }).waitFor();
    await say(ana.page, "what news?");
    for (const { page } of [ana, bo]) {
      await eventually(() => texts(page), ["hello", "good morning", "what news?"]);
    }
    await ana.page.getByText("Sent", { exact: true }).waitFor({ state: "attached" });

    await bo.page.getByRole("textbox", { name: "Message #talk" }).pressSequentially("I am wri");
    await ana.page.getByText("Bo is typing…").waitFor();
    expect(await bo.page.getByText("is typing").count()).toBe(0);
    await say(bo.page, "I am writing");
    await ana.page.getByText("Bo is typing…").waitFor({ state: "detached" });

    await bo.page.context().close();
    await eventually(() => people.allTextContents(), ["Anayou"]);
    expect(ana.faults).toEqual([]);
  });

  test("change what they said, and react to it, with the keyboard alone", async () => {
    const ana = await comeIn(browser, room("change"), "Ana");
    const bo = await comeIn(browser, room("change"), "Bo");
    const composer = ana.page.getByRole("textbox", { name: "Message #change" });

    await say(ana.page, "frist");
    await ana.page.locator('article[data-seq="1"]').waitFor();
    await composer.press("ArrowUp");
    await ana.page.getByLabel("Edit the message").fill("first");
    await ana.page.keyboard.press("Enter");
    await bo.page.locator("article", { hasText: "first" }).waitFor();
    await bo.page.getByText("edited").waitFor();
    await eventually(() => composer.evaluate((element) => element === document.activeElement), true);

    await say(ana.page, "second");
    const second = bo.page.locator('article[data-seq="2"]');
    await second.focus();
    await bo.page.keyboard.press("ArrowUp");
    await bo.page.keyboard.press("+");
    await bo.page.keyboard.press("ArrowRight");
    await bo.page.keyboard.press("Enter");
    const reaction = ana.page.locator('article[data-seq="1"]').getByRole("button", { name: "❤️ 1" });
    await reaction.waitFor();
    expect(await reaction.getAttribute("title")).toBe("Bo");
    await reaction.click();
    await ana.page.getByRole("button", { name: "❤️ 2", pressed: true }).waitFor();

    await ana.page.locator('article[data-seq="2"]').focus();
    await ana.page.keyboard.press("Delete");
    await ana.page.getByRole("toolbar", { name: "Delete this message?" }).waitFor();
    await ana.page.keyboard.press("Enter");
    await bo.page.getByText("This message was deleted.").waitFor();
    expect(await texts(bo.page)).toEqual(["first"]);
    expect([...ana.faults, ...bo.faults]).toEqual([]);
  });
});

test("who comes in with one tab is in a room in the other, too", async () => {
  const { page: first, faults } = await open(browser, server.url);
  const second = await first.context().newPage();
  await second.goto(server.url);
  await second.getByLabel("Your name").waitFor();
  await first.getByLabel("Your name").fill("Ana");
  await first.keyboard.press("Enter");
  await first.waitForURL(room("lobby"));
  await second.waitForURL(room("lobby"), { timeout: 15_000 });
  await second.getByRole("textbox", { name: "Message #lobby" }).waitFor({ timeout: 15_000 });
  expect(faults).toEqual([]);
});

test("somebody who changes their name stays who they are", async () => {
  const ana = await comeIn(browser, room("names"), "Ana");
  const bo = await comeIn(browser, room("names"), "Bo");
  await say(ana.page, "as Ana");
  await ana.page.getByRole("button", { name: /: settings$/ }).click();
  await ana.page.getByRole("textbox", { name: "Your name" }).fill("  ");
  await ana.page.getByRole("button", { name: "Save", exact: true }).click();
  await ana.page.getByText("Please enter a name.").waitFor();
  await ana.page.getByRole("textbox", { name: "Your name" }).fill("Anna");
  await ana.page.getByRole("button", { name: "Save", exact: true }).click();
  const people = present(bo.page);
  await eventually(() => people.allTextContents(), ["Annaguest", "Boyou"]);
  await say(ana.page, "as Anna");
  await bo.page.getByRole("article", { name: /^Anna, .*: as Anna$/ }).waitFor();
  await bo.page.getByRole("article", { name: /^Ana, .*: as Ana$/ }).waitFor();
  expect(await ana.page.locator("article[data-own]").count()).toBe(2);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

describe("rooms", () => {
  test("are made, are refused with the reason, and show what is not read", async () => {
    const ana = await comeIn(browser, room("rooms"), "Ana");
    const { page } = ana;
    await page.getByRole("button", { name: "New room" }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("Après Ski"); // The title has the focus; on Close the space would end it.
    const id = page.getByLabel("Id", { exact: true });
    expect(await id.inputValue()).toBe("apres-ski");
    await id.fill("Après");
    await page.getByText("Lower case only, please.").waitFor();
    await id.fill("apres-ski");
    await page.getByRole("button", { name: "Make room" }).click();
    await page.waitForURL(room("apres-ski"));
    await page.getByRole("heading", { name: "Après Ski" }).waitFor();
    await eventually(() => page.title(), expect.stringMatching(/Après Ski.* · Rialto$/));

    await page.getByRole("button", { name: "New room" }).click();
    await page.getByLabel("Title").fill("Après Ski");
    await page.getByRole("button", { name: "Make room" }).click();
    await page.getByText("This id is taken.").waitFor();
    await page.keyboard.press("Escape");

    const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
    await bo.say("rooms", "one", "two");
    const link = page.getByRole("link", { name: "rooms" });
    await eventually(() => link.textContent(), expect.stringContaining("2 unread"));
    await eventually(() => page.title(), expect.stringMatching(/^\(2\) /));
    await link.click();
    await eventually(() => texts(page), ["one", "two"]);
    await eventually(() => page.title(), "rooms · Rialto");
    await page.goBack();
    await page.getByRole("heading", { name: "Après Ski" }).waitFor();
    expect(await link.textContent()).not.toContain("unread");
    bo.close();
    expect(ana.faults).toEqual([]);
  });

  test("are opened where one stopped to read", async () => {
    const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
    const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
    await bo.say("news", ...lines(1, 60));
    const { page } = await comeIn(browser, room("news"), "Ana");
    await page.locator('article[data-seq="60"]').waitFor();
    await page.getByRole("button", { name: "New room" }).click();
    await page.getByLabel("Title").fill("elsewhere");
    await page.getByRole("button", { name: "Make room" }).click();
    await page.waitForURL(room("elsewhere"));

    await bo.say("news", ...lines(61, 90));
    const link = page.getByRole("link", { name: "news" });
    await eventually(() => link.textContent(), expect.stringContaining("30 unread"));
    await link.click();
    const line = page.getByText("New", { exact: true });
    await line.waitFor();
    const top = await line.evaluate((element) => element.getBoundingClientRect().top);
    expect(top).toBeGreaterThan(56);
    expect(top).toBeLessThan(400);
    const following = line.locator("xpath=ancestor::li/following-sibling::li[1]//article");
    expect(await following.getAttribute("data-seq")).toBe("61");

    // What was not looked at is still not read, over a reload, until one goes there.
    await page.reload();
    await line.waitFor();
    await page.getByRole("button", { name: "Jump to present" }).click();
    await page.getByRole("link", { name: "elsewhere" }).click();
    await page.getByText("Beginning of #elsewhere").waitFor();
    await eventually(() => link.textContent(), expect.not.stringContaining("unread"));
    await link.click();
    await page.locator('article[data-seq="90"]').waitFor();
    expect(await line.count()).toBe(0);
    bo.close();
  });

  test("that cannot exist say so", async () => {
    const { page } = await open(browser, room("Not%20a%20room"));
    await page.getByLabel("Your name").fill("Ana");
    await page.keyboard.press("Enter");
    await page.getByText("cannot be a room").waitFor();
    await page.getByRole("button", { name: "Go to the lobby" }).click();
    await page.waitForURL(room("lobby"));
  });

  test("keep what was being written over a reload, and the name", async () => {
    const { page } = await comeIn(browser, room("draft"), "Ana");
    await page.getByRole("textbox", { name: "Message #draft" }).fill("half a sent");
    await page.reload();
    const composer = page.getByRole("textbox", { name: "Message #draft" });
    await composer.waitFor();
    expect(await composer.inputValue()).toBe("half a sent");
    await expect.poll(() => present(page).allTextContents()).toEqual(["Anayou"]);
    await composer.press("Shift+Enter");
    await composer.press("e");
    await composer.press("Enter");
    await eventually(() => texts(page), ["half a sent\ne"]);
    expect(await composer.inputValue()).toBe("");
  });
});

test("a page with nothing but WebSocket talks to the same room", async () => {
  const ana = await comeIn(browser, room("lobby"), "Ana");
  await say(ana.page, "from the app");
  const bare = await open(browser, `${server.url}/examples/bare.html`);
  await bare.page.getByText("Ana: from the app").waitFor();
  await bare.page.getByLabel("Message").fill("<i>from the bare page</i>");
  await bare.page.getByRole("button", { name: "Send" }).click();
  await bare.page.getByText("<i>from the bare page</i>").waitFor();
  await ana.page.locator("article", { hasText: "<i>from the bare page</i>" }).waitFor();
  expect([...ana.faults, ...bare.faults]).toEqual([]);
});
