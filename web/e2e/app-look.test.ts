import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comeIn, eventually, keep, launch, open, phone } from "./browser.js";
import { PlainClient } from "./plain-client.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let bo: PlainClient;

const wide: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
const tablet: BrowserContextOptions = { viewport: { width: 820, height: 1000 } };
/** What is left of a small laptop's window at 200 % zoom. */
const zoomed: BrowserContextOptions = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 };
const small: BrowserContextOptions = { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true };

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  bo = await PlainClient.connect(server.webSocketUrl, "Bo Larsen");
  const da = await PlainClient.connect(server.webSocketUrl, "דנה לוי");
  await bo.join("lobby");
  await bo.say("lobby", "W".repeat(10_000));
  await bo.say("lobby", "Good morning! The build is green.", "Notes: https://example.org/notes/(2026)/november");
  await da.say("lobby", "שלום לכולם, אני אבדוק את זה אחרי הצהריים");
  await bo.say("lobby", "Two open points:\n  1. the retry budget\n  2. who tells support");
  await bo.say("a-room-with-a-very-long-id-that-no-list-has-the-space-to-show", "hello");
  da.close();
});

afterAll(async () => {
  bo?.close();
  await browser?.close();
  await server?.close();
});

/** How many pixels the page is wider than its window. */
const overhang = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** How bright the page's ground is, 0 to 255. */
const brightness = (page: Page) =>
  page.evaluate(() => {
    const channels = getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? [];
    return Math.max(...channels.slice(0, 3).map(Number));
  });

describe.each([
  ["wide", wide],
  ["tablet", tablet],
  ["phone", phone],
  ["small", small],
  ["zoomed", zoomed],
])("%s", (size, options) => {
  test.each(["light", "dark"] as const)("%s", async (colorScheme) => {
    const first = await open(browser, server.url, { ...options, colorScheme });
    await keep(first.page, `${size}-${colorScheme}-welcome`);
    expect(await overhang(first.page)).toBe(0);
    await first.page.context().close();

    const { page, faults } = await comeIn(browser, server.url, "Ana Contarini", { ...options, colorScheme });
    await page.getByText("who tells support").first().waitFor();
    await bo.type("lobby");
    await page.getByText("Bo Larsen is typing…").waitFor();
    await keep(page, `${size}-${colorScheme}-room`);
    expect(await overhang(page)).toBe(0);
    expect(await brightness(page))[colorScheme === "light" ? "toBeGreaterThan" : "toBeLessThan"](128);

    const people = page.getByRole("complementary").or(page.getByRole("dialog", { name: "About this room" }));
    if (size !== "wide") {
      await page.getByRole("button", { name: "Who is here" }).click();
      await keep(page, `${size}-${colorScheme}-people`);
    }
    await people.getByText("Bo Larsen").waitFor();
    await page.keyboard.press("Escape");

    if (size === "phone" || size === "small" || size === "zoomed") {
      await page.getByRole("button", { name: "All rooms" }).click();
      await page.getByRole("link", { name: "lobby" }).waitFor();
      expect(await page.getByRole("textbox").count()).toBe(0);
      await keep(page, `${size}-${colorScheme}-rooms`);
      expect(await overhang(page)).toBe(0);
      await page.getByRole("link", { name: "lobby" }).click();
      await page.getByRole("textbox", { name: "Message #lobby" }).waitFor();
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

test("the panes lie as the reader's language is written", async () => {
  const { page, faults } = await comeIn(browser, server.url, "דנה", { locale: "he-IL" });
  await page.getByText("who tells support").first().waitFor();
  const left = (name: string) =>
    page.locator(name).evaluate((element) => Math.round(element.getBoundingClientRect().left));
  expect(await left(".side-pane")).toBe(0);
  expect(await left(".sidebar")).toBeGreaterThan(await left(".room"));
  expect(await overhang(page)).toBe(0);
  await keep(page, "wide-rtl-room");
  // The application's own words are English: their order stays, and they begin where the reader's language does.
  const own = page.getByRole("region", { name: "Here now" }).getByRole("heading");
  const [first, last] = await own.evaluate((element) => {
    const text = element.firstChild as Text;
    const at = (i: number) => {
      const range = document.createRange();
      range.setStart(text, i);
      range.setEnd(text, i + 1);
      return range.getBoundingClientRect().left;
    };
    return [at(0), at(text.length - 1)];
  });
  expect(first).toBeLessThan(last ?? 0);
  expect(await own.evaluate((element) => getComputedStyle(element).textAlign)).toBe("right");
  // What is written from left to right still is.
  const line = page.getByText("Good morning! The build is green.");
  expect(await line.evaluate((element) => getComputedStyle(element).textAlign)).toBe("start");
  expect(faults).toEqual([]);
});

test("the theme is as the system has it until one chooses, and then stays", async () => {
  const { page } = await comeIn(browser, server.url, "Ana", { colorScheme: "dark" });
  const choose = async (theme: string) => {
    await page.getByRole("button", { name: /: settings$/ }).click();
    await page.getByRole("radio", { name: theme }).check({ force: true });
    await page.keyboard.press("Escape");
  };
  expect(await brightness(page)).toBeLessThan(128);
  await choose("Light");
  await eventually(async () => (await brightness(page)) > 128, true);
  await page.reload();
  await eventually(async () => (await brightness(page)) > 128, true);
  await choose("As the system");
  await eventually(async () => (await brightness(page)) < 128, true);
});

test("more contrast is what the system asks for, or what one chooses", async () => {
  const asked = await comeIn(browser, server.url, "Ana", { contrast: "more" });
  const text = (page: Page) => page.evaluate(() => getComputedStyle(document.body).color);
  expect(await text(asked.page)).toBe("rgb(0, 0, 0)");
  const { page } = await comeIn(browser, server.url, "Bo");
  expect(await text(page)).not.toBe("rgb(0, 0, 0)");
  await page.getByRole("button", { name: /: settings$/ }).click();
  await page.getByLabel("More contrast").check();
  await eventually(() => text(page), "rgb(0, 0, 0)");
});

test("all of it can be reached by the keyboard, and where one is can be seen", async () => {
  const { page } = await comeIn(browser, server.url, "Ana");
  await page.getByText("who tells support").first().waitFor();
  const reached = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement ?? document.body;
      return {
        inPage: element !== document.body,
        name: element.getAttribute("aria-label") ?? element.textContent ?? "",
        // The composer's box shows the focus for it.
        seen: element instanceof HTMLTextAreaElement || getComputedStyle(element).outlineStyle !== "none",
      };
    });
    if (at.inPage) {
      expect(at.seen, at.name).toBe(true);
      reached.add(at.name);
    }
    // What can be done with a message is loaded when one first comes to it.
    if (at.name.includes("who tells support")) {
      await page.getByRole("button", { name: "React" }).first().waitFor();
    }
  }
  const names = [...reached].join("\n");
  for (const name of [
    "New room",
    "lobby",
    ": settings",
    "Go to a room",
    "who tells support",
    "React",
    "Message #lobby",
  ]) {
    expect(names).toContain(name);
  }
});
