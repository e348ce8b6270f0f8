import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { comeIn, eventually, launch, open, say } from "./browser.js";
import { Network } from "./network.js";
import { PlainClient } from "./plain-client.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

beforeEach(async () => {
  await server.restart();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const room = (id: string) => `${server.url}/r/${id}`;

const texts = (page: Page) => page.locator("article[data-seq] .message-text").allTextContents();

const pending = (page: Page) => page.locator('article[data-status="sending"] .message-text').allTextContents();

test("what is written while the server is down is sent once it is back, once and in order", async () => {
  const ana = await comeIn(browser, room("down"), "Ana");
  const bo = await comeIn(browser, room("down"), "Bo");
  const { page } = ana;
  await say(page, "before");
  await eventually(() => texts(bo.page), ["before"]);

  await server.kill();
  await page.getByText("Reconnecting").waitFor();
  await say(page, "during, one");
  await say(page, "during, two");
  await eventually(() => pending(page), ["during, one", "during, two"]);
  await page.getByText("Will be sent when the connection is back").first().waitFor();
  expect(await texts(page)).toEqual(["before"]);

  await server.restart();
  const tryNow = page.getByRole("button", { name: "Try now" });
  await tryNow.click({ timeout: 500 }).catch(() => undefined); // It may have tried by itself by now.
  for (const person of [ana, bo]) {
    await eventually(() => texts(person.page), ["before", "during, one", "during, two"]);
  }
  await eventually(() => pending(page), []);
  await page.getByText("Reconnecting").waitFor({ state: "detached" });
  await say(page, "after");
  await eventually(() => texts(bo.page), ["before", "during, one", "during, two", "after"]);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("a message whose acknowledgement was lost with the connection is there once", async () => {
  const { page, network } = await behindNetwork(room("lost-ack"));
  let published = 0;
  network.onSend = (frame) => {
    if (frame.includes("only once")) {
      published += 1;
      if (published === 1) {
        // It reaches the server; the answer does not reach the page.
        network.silence();
        setTimeout(() => void network.break().then(() => network.mend()), 200);
      }
    }
    return frame;
  };
  await say(page, "only once");
  await eventually(() => published, 2);
  await eventually(() => texts(page), ["only once"]);
  await say(page, "then this");
  await eventually(() => texts(page), ["only once", "then this"]);
  expect(await pending(page)).toEqual([]);
});

test("a message that the server refuses says so, can be tried again, and can be discarded", async () => {
  const { page, network } = await behindNetwork(room("refused"));
  const failed = page.locator('article[data-status="failed"]');
  // A control character in place of the first letter: INVALID_ARGUMENT.
  network.onSend = (frame) => Buffer.from(frame.toString("latin1").replace("a word", "\u0007 word"), "latin1");
  await say(page, "a word");
  await failed.getByText("Not sent.").waitFor();
  await say(page, "fine");
  await eventually(() => texts(page), ["fine"]);
  await failed.getByRole("button", { name: "Retry" }).click();
  await failed.getByText("Not sent.").waitFor();

  network.onSend = (frame) => frame;
  await failed.getByRole("button", { name: "Retry" }).click();
  await eventually(() => texts(page), ["fine", "a word"]);
  expect(await failed.count()).toBe(0);

  await say(page, "a bell \u0007 rings");
  await failed.getByRole("button", { name: "Discard" }).click();
  await failed.waitFor({ state: "detached" });
  expect(await texts(page)).toEqual(["fine", "a word"]);
});

test.each([
  { changes: 40, how: "each of them" },
  { changes: 600, how: "the newest page and the way back" },
])("who was away for $changes messages gets $how, without a gap", async ({ changes }) => {
  const id = `away-${changes}`;
  const bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.say(id, "first");
  const { page, network } = await behindNetwork(room(id));
  await eventually(() => texts(page), ["first"]);
  await network.break();
  await page.getByText("Reconnecting").waitFor();
  await bo.say(id, ...Array.from({ length: changes }, (_, i) => `missed ${i}`));
  network.mend();
  await eventually(async () => (await texts(page)).at(-1), `missed ${changes - 1}`);
  const seqs = await page
    .locator("article[data-seq]")
    .evaluateAll((articles) => articles.map((article) => Number(article.getAttribute("data-seq"))));
  const newest = changes + 1;
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => newest - seqs.length + 1 + i));
  // Too much to replay: then that is said, and what is old comes only when it is asked for.
  expect(await page.getByText("You were away for long.").count()).toBe(changes > 500 ? 1 : 0);
  expect(seqs.length).toSatisfy((n: number) => (changes > 500 ? n < newest : n === newest));
  bo.close();
});

test("a server that is restored from a copy says so, and shows what the copy has", async () => {
  const id = "restored";
  const { page } = await comeIn(browser, room(id), "Ana");
  await say(page, "in the copy");
  await eventually(() => texts(page), ["in the copy"]);
  await server.stop();
  const data = join(server.scratch, "data");
  cpSync(data, `${data}-copy`, { recursive: true });
  await server.restart();
  await say(page, "after the copy");
  await eventually(() => texts(page), ["in the copy", "after the copy"]);
  await server.kill();
  rmSync(data, { recursive: true });
  renameSync(`${data}-copy`, data);
  await server.restart();
  await page.getByText("The server was restored from a copy").waitFor();
  await eventually(() => texts(page), ["in the copy"]);
  await page.getByRole("button", { name: "Dismiss this notice" }).click();
  expect(await page.getByText("The server was restored").count()).toBe(0);
});

test("a network that is silently cut shows within 45 seconds, and what was written then is not lost", async () => {
  const { page, network } = await behindNetwork(room("silence"), { fakeClock: true });
  network.silence();
  await say(page, "into the void");
  expect(await page.getByText("Reconnecting").count()).toBe(0);
  await page.clock.runFor(45_000);
  await page
    .getByRole("status")
    .getByText(/Reconnecting|Connecting…/)
    .waitFor();
  expect(await pending(page)).toEqual(["into the void"]);

  network.mend();
  await eventually(async () => {
    await page.clock.runFor(1000);
    return texts(page);
  }, ["into the void"]);
});

/** Comes into a room over a network that can be broken. */
async function behindNetwork(url: string, { fakeClock = false } = {}): Promise<{ page: Page; network: Network }> {
  const { page } = await open(browser, "about:blank");
  if (fakeClock) {
    await page.clock.install();
  }
  const network = await Network.of(page);
  await page.goto(url);
  await page.getByLabel("Your name").fill("Ana");
  await page.keyboard.press("Enter");
  await page.getByText("Beginning of").waitFor();
  await page.getByText("Connecting…").waitFor({ state: "detached" });
  return { page, network };
}
