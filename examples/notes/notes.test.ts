import * as Y from "yjs";
import {
  afterAll,
  type Browser,
  beforeAll,
  Example,
  expect,
  launch,
  open,
  type Page,
  RialtoServer,
  test,
} from "../../web/e2e/example.js";

let rialto: RialtoServer;
let example: Example;
let browser: Browser;

beforeAll(async () => {
  [rialto, browser] = await Promise.all([RialtoServer.start(), launch()]);
  example = await Example.start("notes", "-rialto", rialto.grpcAddress);
});

afterAll(async () => {
  await browser?.close();
  await example?.close();
  await rialto?.close();
});

const state = (page: Page, text: string) => page.getByRole("status").filter({ hasText: text }).waitFor();
const read = (page: Page) => page.getByLabel("Note").inputValue();
const same = (page: Page, text: string) => expect.poll(() => read(page), { timeout: 15_000 }).toBe(text);

/** Types at a place in the text, as a person does. */
async function type(page: Page, at: number, text: string): Promise<void> {
  await page.getByLabel("Note").evaluate((area: HTMLTextAreaElement, at) => {
    area.focus();
    area.setSelectionRange(at, at);
  }, at);
  await page.keyboard.insertText(text);
}

test("two browsers write one text, and a reload has it", async () => {
  const url = `${example.url}/#together`;
  const [ana, ben] = await Promise.all([open(browser, url), open(browser, url)]);
  await Promise.all([state(ana.page, "live"), state(ben.page, "live")]);
  await type(ana.page, 0, "bread");
  await same(ben.page, "bread");
  // Both at the same time, in different places; and the caret stays with the text around it.
  await Promise.all([type(ana.page, 0, "Buy "), type(ben.page, 5, " and 🍎🍏")]);
  await Promise.all([same(ana.page, "Buy bread and 🍎🍏"), same(ben.page, "Buy bread and 🍎🍏")]);
  await ben.page.keyboard.insertText("!");
  await same(ana.page, "Buy bread and 🍎🍏!");
  // One half of what the two emojis are made of is the same: they must not be torn apart.
  await ana.page.getByLabel("Note").fill("Buy bread and 🍎🍐!");
  await same(ben.page, "Buy bread and 🍎🍐!");
  await ana.page.getByText("2 here").waitFor();

  await ana.page.reload();
  await state(ana.page, "live");
  await same(ana.page, "Buy bread and 🍎🍐!");
  const cleo = await open(browser, url);
  await same(cleo.page, "Buy bread and 🍎🍐!");
  expect([...ana.faults, ...ben.faults, ...cleo.faults]).toEqual([]);
});

test("what is written offline merges, also after a reload", async () => {
  const url = `${example.url}/#offline`;
  const [ana, ben] = await Promise.all([open(browser, url), open(browser, url)]);
  await Promise.all([state(ana.page, "live"), state(ben.page, "live")]);
  await type(ana.page, 0, "one three");
  await same(ben.page, "one three");

  await rialto.kill();
  await Promise.all([state(ana.page, "offline"), state(ben.page, "offline")]);
  await type(ana.page, 4, "two ");
  await type(ben.page, 9, " four");
  await ana.page.reload(); // the page is still served; what was written is in the browser only
  await same(ana.page, "one two three");
  await rialto.restart();
  await Promise.all([same(ana.page, "one two three four"), same(ben.page, "one two three four")]);
});

test("a long past is loaded whole", async () => {
  const call = async (method: string, request: object, token = ""): Promise<{ guestToken: string }> => {
    const response = await fetch(`${example.url}/rialto.chat.v1.${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token !== "" && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(request),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as { guestToken: string };
  };
  const token = (await call("ChatService/CreateGuest", {})).guestToken;
  const writer = await open(browser, `${example.url}/#long`);
  await state(writer.page, "live");
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const words = Array.from({ length: 250 }, (_, i) => `${i} `);
  for (const word of words) {
    doc.getText("note").insert(doc.getText("note").length, word);
  }
  await Promise.all(
    updates.map((update) => {
      const data = { type: "yjs.update", value: Buffer.from(update).toString("base64") };
      return call("MessageService/PostMessage", { room: "note-long", data }, token);
    }),
  );
  await same(writer.page, words.join("")); // in whatever order they were stored
  const late = await open(browser, `${example.url}/#long`);
  await same(late.page, words.join(""));
  expect(late.faults).toEqual([]);
});
