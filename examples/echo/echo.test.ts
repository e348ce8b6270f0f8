import {
  afterAll,
  type Browser,
  beforeAll,
  Example,
  expect,
  launch,
  open,
  type Page,
  test,
} from "../../web/e2e/example.js";

let example: Example;
let browser: Browser;

beforeAll(async () => {
  [example, browser] = await Promise.all([Example.start("echo"), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await example?.close();
});

const log = (page: Page) => page.locator("#log li").allTextContents();

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Say").fill(text);
  await page.keyboard.press("Enter");
}

test("each message is answered while the call goes on, and the half-close ends it with OK", async () => {
  const { page, faults } = await open(browser, example.url);
  await say(page, "hello");
  await expect.poll(() => log(page)).toEqual(["1: hello"]);
  await say(page, "<b>über</b>");
  await expect.poll(() => log(page)).toEqual(["1: hello", "2: <b>über</b>"]);
  await page.getByRole("button", { name: "End" }).click();
  await expect.poll(async () => (await log(page))[2]).toBe("ended: OK");
  expect(faults).toEqual([]);
});

test("a status comes as the close code with its message", async () => {
  const { page } = await open(browser, example.url);
  await say(page, "");
  await expect.poll(() => log(page)).toEqual(["ended: 4003 text: must not be empty"]);
});
