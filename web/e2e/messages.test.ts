import type { ChatClient } from "@rialto/chat";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, launch } from "./browser.js";
import { bundle } from "./bundle.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let code: string;

beforeAll(async () => {
  [server, browser, code] = await Promise.all([RialtoServer.start(), launch(), bundle("client-page.ts")]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

type Scope = typeof globalThis & { client: ChatClient };

/** Opens a page with a client, which is not connected yet. */
async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${server.url}/examples/bare.html`);
  await page.addScriptTag({ content: code });
  return page;
}

const connect = (page: Page) => page.evaluate(() => (globalThis as Scope).client.connect());

const send = (page: Page, ...texts: string[]) =>
  page.evaluate((all) => {
    for (const text of all) {
      (globalThis as Scope).client.room("kept").send(text);
    }
  }, texts);

const pending = (page: Page) =>
  page.evaluate(() =>
    (globalThis as Scope).client
      .room("kept")
      .getSnapshot()
      .pending.map(({ text }) => text),
  );

/** How many messages the browser keeps on its disk. */
const rows = (page: Page) =>
  page.evaluate(
    (name) =>
      new Promise<number>((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const count = request.result.transaction("messages").objectStore("messages").count();
          count.onsuccess = () => resolve(count.result);
        };
      }),
    `rialto.messages ${server.webSocketUrl}`,
  );

/** What the server has, asked for by a page that joined. */
async function stored(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { client } = globalThis as Scope;
    const room = client.room("kept");
    room.join();
    await new Promise<void>((resolve) => {
      const check = () => room.getSnapshot().status === "live" && resolve();
      room.subscribe(check);
      check();
    });
    return room.getSnapshot().messages.map(({ text }) => text);
  });
}

test("what was written offline outlives the page, and is sent once, also when two tabs wait for it", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const first = await openPage(context);
  await send(first, "one", "two");
  await eventually(() => pending(first), ["one", "two"]);
  const second = await openPage(context);
  await eventually(() => rows(second), 2);
  expect(await pending(second), "they belong to a tab that lives").toEqual([]);
  await send(second, "three");
  await first.close();
  await eventually(() => pending(second), ["three"]);

  await connect(second);
  await eventually(() => pending(second), []);
  const third = await openPage(context);
  await connect(third);
  await eventually(() => stored(third).then((texts) => texts.sort()), ["one", "three", "two"]);
  expect(await pending(third)).toEqual([]);
  await eventually(() => rows(third), 0);
  await context.close();
});
