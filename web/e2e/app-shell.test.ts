import { readdirSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comeIn, eventually, launch, say } from "./browser.js";
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

test("the first load is at most 150 KB of compressed files", async () => {
  const html = await (await fetch(server.url)).text();
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? "");
  const sizes = await Promise.all(files.map(transferred));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`first load: ${bytes.toLocaleString()} bytes in ${files.length} files`);
  expect(files.length).toBeGreaterThanOrEqual(2);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(150 * 1024);
});

/** How many bytes of a file a browser receives. */
function transferred(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${server.url}${path}`, { headers: { "accept-encoding": "gzip" } }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => resolve(bytes)).on("error", reject);
    }).on("error", reject);
  });
}

test("opens without a network, with the shell, and goes on when it is back", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/offline`, "Ana");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await eventually(() => page.evaluate(() => navigator.serviceWorker.controller !== null), true);
  await say(page, "before");
  await page.locator('article[data-seq="1"]').waitFor();
  await page.context().setOffline(true);
  await page.reload();
  await page
    .getByRole("status")
    .getByText(/offline|Reconnecting|Connecting/)
    .first()
    .waitFor();
  await say(page, "while offline");
  await page.locator('article[data-status="sending"]', { hasText: "while offline" }).waitFor();
  await page.context().setOffline(false);
  await page.locator('article[data-seq="2"]', { hasText: "while offline" }).waitFor();
  expect(faults).toEqual([]);
});

test("a page that is older than the server says so, and a reload brings the new one", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/deploy`, "Ana", { serviceWorkers: "block" });
  const old = await page.evaluate(() => document.querySelector<HTMLScriptElement>("script[type=module]")?.src ?? "");
  // As after a deploy: the server's page names another script.
  await page.route("**/index.html", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/index-[\w-]+\.js/, "index-new.js") });
  });
  await server.stop();
  await server.restart();
  await page.getByText("Rialto has a new version.").waitFor();
  await page.unroute("**/index.html");
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByRole("textbox", { name: "Message #deploy" }).waitFor();
  expect(await page.evaluate(() => document.querySelector<HTMLScriptElement>("script[type=module]")?.src)).toBe(old);
  expect(await page.getByText("Rialto has a new version.").count()).toBe(0);
  expect(faults).toEqual([]);
});

test("a page that was frozen goes on where it was when it wakes", async () => {
  const ana = await comeIn(browser, `${server.url}/r/sleep`, "Ana");
  const bo = await comeIn(browser, `${server.url}/r/sleep`, "Bo");
  await say(bo.page, "before");
  await ana.page.locator('article[data-seq="1"]').waitFor();
  const devtools = await ana.page.context().newCDPSession(ana.page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await say(bo.page, "while asleep");
  await bo.page.locator('article[data-seq="2"]').waitFor();
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await ana.page.locator('article[data-seq="2"]', { hasText: "while asleep" }).waitFor();
  await say(ana.page, "awake");
  await bo.page.locator('article[data-seq="3"]', { hasText: "awake" }).waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("what is typed after Ctrl+K is for the switcher, also while that is loaded", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/typing`, "Ana", { serviceWorkers: "block" });
  await say(page, "this makes the room");
  await page.locator('article[data-seq="1"]').waitFor();
  let come = () => {};
  const asked = new Promise<void>((resolve) => {
    come = resolve;
  });
  await page.route("**/QuickSwitcher-*.js", async (route) => {
    await asked;
    await route.continue();
  });
  await page.goto(`${server.url}/r/elsewhere`);
  const composer = page.getByRole("textbox", { name: "Message #elsewhere" });
  await composer.focus();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("tyx");
  await page.keyboard.press("Backspace");
  await page.keyboard.type("ping");
  come();
  const field = page.getByRole("combobox", { name: "Room" });
  await eventually(() => field.inputValue(), "typing");
  expect(await composer.inputValue()).toBe("");
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });
  expect(await composer.evaluate((element) => element === document.activeElement)).toBe(true);

  await page.keyboard.press("Control+k");
  await page.keyboard.type("typing");
  await page.getByRole("option", { name: "typing" }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server.url}/r/typing`);
  expect(faults).toEqual([]);
});

test("is there where the browser blocks site data", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.addInitScript(() => {
    const denied = () => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { get: denied });
    Object.defineProperty(navigator.locks, "request", { value: async () => denied() });
  });
  await page.goto(`${server.url}/r/blocked`);
  await page.getByLabel("Your name").fill("Ana");
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByText("Beginning of").waitFor();
  await say(page, "nothing is kept here");
  await page.locator('article[data-seq="1"]').waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("no chunk that comes later is in the way of the first load", () => {
  const assets = new URL("../dist/assets/", import.meta.url);
  const page = readFileSync(new URL("../index.html", assets), "utf8");
  const later = readdirSync(assets).filter((name) => name.endsWith(".js") && !page.includes(name));
  expect(later.length).toBeGreaterThanOrEqual(6);
  for (const name of later) {
    expect(gzipSync(readFileSync(new URL(name, assets))).length, name).toBeLessThan(40_000);
  }
});
