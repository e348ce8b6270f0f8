import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comeIn, eventually, launch, phone } from "./browser.js";
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

const texts = (page: Page) => page.locator("article .message-text").allTextContents();

/** Nothing of this is Markdown: it is shown as it is. */
const evil = [
  `<img src=x onerror="window.pwned=1">`,
  `<script>window.pwned=1;alert(1)</script>`,
  `<a href="javascript:window.pwned=1">x</a> javascript:window.pwned=1`,
  `data:text/html,<script>window.pwned=1</script> vbscript:x file:///etc/passwd`,
  `[click](javascript:window.pwned=1) ![x](data:image/svg+xml,<svg onload="window.pwned=1">)`,
  `https://good.example@evil.example https://\u202eelpmaxe`,
  `\u202egpj.exe\u2066 </p><h1>big</h1>`,
  `&lt;b&gt; &amp; {{7*7}} \${7*7}`,
  "\ud83d\udc69\u200d\u200d\u200d\u{1f3fb} \u200d \ufe0f \u{1f1e6} \u0301\u0301\u0301",
  `z${"\u0335\u0322\u0327\u034d\u0353\u0489".repeat(300)}`,
  "\u200b\u200b\u200b.",
  "x".repeat(10_000),
  "\ufdfd".repeat(200),
];

/** Names of people, as a server lets them through. */
const names = [
  `<b onmouseover="window.pwned=1">Bo</b>`,
  "\u200b.\u200b",
  "W".repeat(64),
  `z${"\u0335\u0322\u0327\u034d".repeat(14)}`,
];

describe.each([
  ["desktop", {}],
  ["phone", phone],
] as const)("on a %s", (device, options) => {
  test("what people type and call themselves does nothing, and breaks nothing", async () => {
    const id = `safety-${device}`;
    const people = await Promise.all(names.map((name) => PlainClient.connect(server.webSocketUrl, name)));
    for (const person of people) {
      await person.join(id);
    }
    const [bo] = people;
    const { page, faults } = await comeIn(browser, `${server.url}/r/${id}`, "Ana", options);
    await bo?.say(id, "first");
    for (const person of people.slice(1)) {
      await person.say(id, `from ${device}`);
    }
    await eventually(async () => (await texts(page)).length, people.length);
    for (const person of people) {
      await person.type(id);
    }
    await page.getByText("Several people are typing…").waitFor();
    for (const text of evil) {
      await bo?.say(id, text);
      await eventually(async () => (await texts(page)).at(-1), text);
      // Each on its own: what is far above leaves the document.
      expect(await sane(page), text.slice(0, 40)).toEqual({
        overhang: 0,
        pwned: false,
        markup: 0,
        scripts: 0,
        links: [],
      });
    }
    if (device === "phone") {
      await page.getByRole("button", { name: "Who is here" }).click();
    }
    await page
      .getByRole("region", { name: "Here now" })
      .getByText(names[0] ?? "")
      .hover();
    expect((await sane(page)).overhang).toBe(0);
    expect(faults).toEqual([]);
    for (const person of people) {
      person.close();
    }
  });
});

/** What markup, scripts and bad links would have done to the page. */
function sane(page: Page) {
  return page.evaluate(() => ({
    overhang: document.documentElement.scrollWidth - innerWidth,
    pwned: "pwned" in window,
    markup: document.querySelectorAll("article :is(b, h1, img, iframe, svg:not([aria-hidden]))").length,
    scripts: document.querySelectorAll("article script").length,
    links: [...document.querySelectorAll("article a")]
      .map((a) => a.getAttribute("href"))
      .filter((href) => !/^https?:/.test(href ?? "")),
  }));
}

test("a link goes to its own site, and tells it nothing", async () => {
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  const { page } = await comeIn(browser, `${server.url}/r/links`, "Ana");
  await bo.say("links", "see **https://example.org/a**, please");
  const link = page.locator("article a");
  expect(await link.getAttribute("href")).toBe("https://example.org/a");
  expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
  expect(await link.getAttribute("target")).toBe("_blank");
  bo.close();
});

test("a room's name and address are text, too", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/titles`, "Ana");
  await page.getByRole("button", { name: "New room" }).click();
  await page.getByRole("textbox", { name: "Title", exact: true }).fill(`<img src=x onerror="window.pwned=1">`);
  await page.getByLabel("Id", { exact: true }).fill("img");
  await page.getByRole("button", { name: "Make room" }).click();
  await page.locator("h1", { hasText: "<img" }).waitFor();
  await page.getByRole("button", { name: "Room settings" }).click();
  await page.getByRole("textbox", { name: "Topic" }).fill(`\u202e<b>evil</b> ${"x".repeat(900)}`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".details-topic", { hasText: "<b>evil</b>" }).waitFor();
  const bo = await PlainClient.connect(server.webSocketUrl, names[0] ?? "");
  await bo.join("img");
  await page
    .getByRole("region", { name: "Here now" })
    .getByText(names[0] ?? "")
    .click();
  await page.getByRole("button", { name: "Ban from the room" }).click();
  await page.getByRole("textbox", { name: "Why" }).fill(`<img src=x onerror="window.pwned=1"> ${"y".repeat(200)}`);
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Moderation" }).click();
  for (const part of ["Banned", "Log"]) {
    await page.getByRole("button", { name: part }).click();
    await page.getByText("“<img src=x").waitFor();
    expect(await sane(page)).toMatchObject({ overhang: 0, pwned: false });
    const dialog = page.getByRole("dialog");
    expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
    expect(await dialog.locator("img, b").count()).toBe(0);
  }
  bo.close();
  await page.goto(`${server.url}/r/%3Cimg%20src=x%20onerror=alert(1)%3E`);
  await page.getByText("cannot be a room").waitFor();
  expect((await sane(page)).pwned).toBe(false);
  expect(faults).toEqual([]);
});
