import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comeIn, eventually, launch, open } from "./browser.js";
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

const room = (id: string) => `${server.url}/r/${id}`;

const messages = (page: Page) => page.getByRole("region", { name: "Messages" });

const distanceToEnd = (page: Page) =>
  messages(page).evaluate((v) => Math.round(v.scrollHeight - v.scrollTop - v.clientHeight));

const topOf = (row: Locator) => row.evaluate((element) => Math.round(element.getBoundingClientRect().top));

/** Messages, most of one line and some of up to four. */
const talk = (count: number) =>
  Array.from({ length: count }, (_, i) => `message ${i + 1}${"\nand a line more".repeat(Math.max(0, (i % 9) - 5))}`);

test("news does not move who reads back, is counted, and is the only thing read out", async () => {
  await bo.say("news", ...talk(120));
  const { page, faults } = await comeIn(browser, room("news"), "Ana");
  await page.locator('article[data-seq="120"]').waitFor();
  expect(await distanceToEnd(page)).toBe(0);
  await messages(page).evaluate((v) => {
    v.scrollTop = 0;
  });
  // A page of older messages has come, above what is in sight.
  await page.locator('article[data-seq="70"]').waitFor({ state: "attached" });
  const row = page.locator("article[data-seq]").first();
  const before = await topOf(row);
  await bo.say("news", "news", "more news");
  await page.getByRole("button", { name: "2 new" }).waitFor();
  expect(await topOf(row)).toBe(before);
  await page.getByRole("button", { name: "2 new" }).click();
  await eventually(() => distanceToEnd(page), 0);
  expect(await page.getByRole("log").locator("p").allTextContents()).toEqual(["Bo: news", "Bo: more news"]);
  await bo.say("news", "last");
  await page.locator('article[data-seq="123"]').waitFor();
  await eventually(() => distanceToEnd(page), 0);
  expect(faults).toEqual([]);
});

describe("a room of 10,000 messages", () => {
  beforeAll(() => bo.say("long", ...talk(10_000)));

  test("is read back to its beginning without what is read moving, with few nodes and no layout shift", async () => {
    const { page, faults } = await comeIn(browser, room("long"), "Ana");
    await page.locator('article[data-seq="10000"]').waitFor();
    const journey = await page.evaluate(readBack);
    await page.getByText("Beginning of #long").waitFor();
    expect(journey.rows).toBeGreaterThan(9000);
    expect(journey.worstMove).toBe(0);
    expect(journey.mostArticles).toBeLessThanOrEqual(200);
    expect(journey.layoutShift).toBe(0);

    // And from one end to the other in leaps, as with the scroll bar: nothing is missing, and the order is right.
    for (const share of [0.5, 0.1, 0.9, 1]) {
      await messages(page).evaluate((v, to) => {
        v.scrollTop = v.scrollHeight * to;
      }, share);
      const seen = await inSight(page);
      expect(seen.length).toBeGreaterThan(3);
      expect(seen).toEqual(seen.map((_, i) => (seen[0] ?? 0) + i));
    }
    await eventually(() => distanceToEnd(page), 0);
    expect(faults).toEqual([]);
  });

  test("is opened at the message that an address names", async () => {
    const { page } = await comeIn(browser, `${room("long")}/9100`, "Ana");
    const target = page.locator('article[data-seq="9100"]');
    await target.waitFor();
    await eventually(() => target.evaluate((element) => element === document.activeElement), true);
    expect(await inSight(page)).toContain(9100);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-seq"))).toBe("9098");
    await page.getByRole("button", { name: "Jump to present" }).click();
    await page.locator('article[data-seq="10000"]').waitFor();
    await page.context().close();

    const nowhere = await comeIn(browser, `${room("long")}/10001`, "Cy");
    await nowhere.page.getByText("There is no such message in this room.").waitFor();
  });

  test("is entered far above by an address, and read on from there in both directions, with nothing in between loaded", async () => {
    const { page, faults } = await comeIn(browser, `${room("long")}/3000`, "Ana");
    const target = page.locator('article[data-seq="3000"]');
    await eventually(() => target.evaluate((element) => element === document.activeElement), true);
    expect(await target.getAttribute("data-target")).toBe("true");
    expect(Math.min(...(await inSight(page)))).toBeGreaterThan(2900);

    for (const [direction, until] of [
      [-1, 2900],
      [1, 3100],
    ] as const) {
      const moved = await messages(page).evaluate(readOn, { direction, until });
      expect(moved.worstMove).toBe(0);
      expect(moved.mostArticles).toBeLessThanOrEqual(200);
    }
    const seen = await inSight(page);
    expect(seen).toEqual(seen.map((_, i) => (seen[0] ?? 0) + i));

    // What is answered there is counted there, and what is said is in the present.
    await page.locator('article[data-seq="3100"]').focus();
    await page.keyboard.press("t");
    await page.getByRole("textbox", { name: "Reply", exact: true }).fill("late");
    await page.keyboard.press("Enter");
    await page.locator('article[data-seq="3100"]').getByRole("button", { name: "1 reply" }).waitFor();
    await page.getByRole("textbox", { name: "Message #long" }).fill("and now");
    await page.keyboard.press("Enter");
    await page.getByRole("main").locator("article[data-own]", { hasText: "and now" }).waitFor();
    await eventually(() => distanceToEnd(page), 0);
    expect(page.url()).toBe(room("long"));
    await page.goBack();
    await target.waitFor();
    expect(faults).toEqual([]);
  });

  test("its figures, beside those of a plain static list", async () => {
    const { page } = await comeIn(browser, room("long"), "Ana");
    const plain = await open(browser, "about:blank");
    const list = talk(10_000).map((text) => `<article><p style="white-space:pre-wrap">${text}</p></article>`);
    const style = "height:700px;overflow:auto";
    await plain.page.route("**/plain.html", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<div role="region" aria-label="Messages" style="${style}">${list.join("")}</div>`,
      }),
    );
    await plain.page.goto(`${server.url}/plain.html`);
    const figures = {
      app: { firstMessageMs: await firstMessage(page), frameMs: await messages(page).evaluate(scrollFrames) },
      plain: {
        firstMessageMs: await firstMessage(plain.page),
        frameMs: await messages(plain.page).evaluate(scrollFrames),
      },
    };
    console.log(`timeline: ${JSON.stringify(figures)}`);
    expect(figures.app.firstMessageMs).toBeGreaterThan(0);
  });
});

/** The seqs of the messages in sight. */
function inSight(page: Page): Promise<number[]> {
  return messages(page).evaluate(async (view) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const { top, bottom } = view.getBoundingClientRect();
    return [...view.querySelectorAll("article[data-seq]")]
      .filter((row) => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom)
      .map((row) => Number(row.getAttribute("data-seq")));
  });
}

/**
 * In the page: scrolls up or down, 300 px at a time, until a message is in the document. Whatever moves in the frames after a
 * scrolling was moved by the application.
 */
async function readOn(view: Element, { direction, until }: { readonly direction: number; readonly until: number }) {
  const places = () =>
    new Map([...view.querySelectorAll("article[data-seq]")].map((row) => [row, row.getBoundingClientRect().bottom]));
  let worstMove = 0;
  let mostArticles = 0;
  while (view.querySelector(`article[data-seq="${until}"]`) === null) {
    const room = direction < 0 ? view.scrollTop : view.scrollHeight - view.clientHeight - view.scrollTop;
    // Near to the edge the next page is under way, and is waited for.
    if (room > 350) {
      view.scrollTop += direction * 300;
    }
    let before = places();
    for (let frame = 0; frame < 2; frame++) {
      await new Promise(requestAnimationFrame);
      const now = places();
      const { top, bottom } = view.getBoundingClientRect();
      for (const [row, place] of now) {
        const was = before.get(row);
        if (was !== undefined && was > top && was < bottom) {
          worstMove = Math.max(worstMove, Math.round(Math.abs(place - was)));
        }
      }
      mostArticles = Math.max(mostArticles, now.size);
      before = now;
    }
  }
  return { worstMove, mostArticles };
}

/** Reloads the page and returns when the first message was drawn, in ms after the navigation began. */
async function firstMessage(page: Page): Promise<number> {
  await page.reload();
  return page.evaluate(async () => {
    while (document.querySelector("article") === null) {
      await new Promise(requestAnimationFrame);
    }
    return Math.round(performance.now());
  });
}

/** In the page: scrolls a view by 60 frames of 150 px and returns the median and the 95th percentile of the frames' times. */
async function scrollFrames(view: Element): Promise<{ p50: number; p95: number }> {
  const times: number[] = [];
  view.scrollTop = view.scrollHeight;
  let last = await new Promise<number>(requestAnimationFrame);
  for (let i = 0; i < 60; i++) {
    view.scrollTop -= 150;
    const now = await new Promise<number>(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return { p50: Math.round(times[30] ?? 0), p95: Math.round(times[57] ?? 0) };
}

/**
 * In the page: scrolls up to the room's beginning, a view at a time, and watches. Whatever moves in the frames after a
 * scrolling was moved by the application.
 */
async function readBack() {
  const view = document.querySelector('section[aria-label="Messages"]');
  if (view === null) {
    throw new Error("no messages");
  }
  const shifts: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
  observer.observe({ type: "layout-shift" });
  const places = () =>
    new Map([...view.querySelectorAll("article[data-seq]")].map((row) => [row, row.getBoundingClientRect().bottom]));
  const rows = new Set<string | null>();
  let worstMove = 0;
  let mostArticles = 0;
  for (let begun = false; !begun; ) {
    // Near the top the next page is under way, and is waited for: only then is nothing else in the same frame.
    const complete = view.textContent?.includes("Beginning of") ?? false;
    begun = complete && view.scrollTop === 0;
    if (complete || view.scrollTop > 700) {
      view.scrollTop -= 600;
    }
    let before = places();
    for (let frame = 0; frame < 2; frame++) {
      await new Promise(requestAnimationFrame);
      const now = places();
      const { top, bottom } = view.getBoundingClientRect();
      for (const [row, place] of now) {
        const was = before.get(row);
        if (was !== undefined && was > top && was < bottom) {
          worstMove = Math.max(worstMove, Math.round(Math.abs(place - was)));
          rows.add(row.getAttribute("data-seq"));
        }
      }
      mostArticles = Math.max(mostArticles, view.querySelectorAll("article").length);
      before = now;
    }
  }
  shifts.push(...observer.takeRecords());
  const layoutShift = shifts.reduce((sum, entry) => sum + (entry as PerformanceEntry & { value: number }).value, 0);
  return { rows: rows.size, worstMove, mostArticles, layoutShift };
}
