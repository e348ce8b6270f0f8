import { join } from "node:path";
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
  const token = join(rialto.scratch, "notifications.token");
  example = await Example.start("notifications", "-rialto", rialto.grpcAddress, "-token", token);
});

afterAll(async () => {
  await browser?.close();
  await example?.close();
  await rialto?.close();
});

const list = (page: Page) =>
  page.locator("#list li").evaluateAll((items) => items.map((i) => i.lastChild?.textContent));
const fresh = (page: Page) => page.locator("#list li.new").count();
const live = (page: Page) => page.getByRole("status").filter({ hasText: "live" }).waitFor();

async function notify(user: string, text: string, key?: string): Promise<void> {
  const headers: Record<string, string> = key === undefined ? {} : { "Idempotency-Key": key };
  const response = await fetch(`${example.url}/notify?user=${user}`, { method: "POST", body: text, headers });
  expect([response.status, await response.text()]).toEqual([204, ""]);
}

test("what is posted comes live, after being away, and to its user only", async () => {
  const ana = await open(browser, example.url);
  const ben = await open(browser, example.url);
  await Promise.all([live(ana.page), live(ben.page)]);
  const user = (await ana.page.locator("#me").textContent()) ?? "";

  await notify(user, "build 7 is <b>green</b>");
  await expect.poll(() => list(ana.page)).toEqual(["build 7 is <b>green</b>"]);
  expect(await fresh(ana.page)).toBe(1);
  expect(await ana.page.title()).toBe("(1) Notifications");
  await ana.page.getByRole("button", { name: "Mark all read" }).click();
  await expect.poll(() => ana.page.title()).toBe("Notifications");

  // Away: the page is gone, and the service restarted, which finds the inbox again.
  await ana.page.goto("about:blank");
  await example.restart();
  await notify(user, "build 8 is red", "build-8");
  await notify(user, "build 8 is red", "build-8"); // the sender did not get the answer, and repeats
  await ana.page.goto(example.url);
  await expect.poll(() => list(ana.page)).toEqual(["build 8 is red", "build 7 is <b>green</b>"]);
  await live(ana.page);
  await expect.poll(() => fresh(ana.page)).toBe(1); // read on the server, too

  // The server is away.
  await rialto.kill();
  await ana.page.getByRole("status").filter({ hasText: "reconnecting" }).waitFor();
  await rialto.restart();
  await notify(user, "build 9 is green");
  await expect.poll(() => list(ana.page)).toEqual(["build 9 is green", "build 8 is red", "build 7 is <b>green</b>"]);

  expect(await list(ben.page)).toEqual([]);
  expect([...ana.faults, ...ben.faults]).toEqual([]);
});

test("who cannot be anybody has no inbox", async () => {
  for (const query of ["", "?user=", "?user=a%20b", `?user=${"x".repeat(129)}`]) {
    for (const path of ["notify", "inbox"]) {
      const response = await fetch(`${example.url}/${path}${query}`, { method: "POST", body: "hello" });
      expect([response.status, await response.text()]).toEqual([400, "user: expected an id\n"]);
    }
  }
});

test("nobody but its user gets into an inbox", async () => {
  const ana = await open(browser, example.url);
  await live(ana.page);
  const { room, user } = JSON.parse((await ana.page.evaluate(() => localStorage.getItem("notifications"))) ?? "") as {
    room: string;
    user: string;
  };
  await notify(user, "for Ana only");
  const eve = await open(browser, example.url);
  await live(eve.page);
  const answers = await eve.page.evaluate(async (room) => {
    const { token } = JSON.parse(localStorage.getItem("notifications") ?? "{}") as { token: string };
    const calls = ["MemberService/AddMember", "MemberService/ListMembers"].map(async (method) => {
      const response = await fetch(`/rialto.chat.v1.${method}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
        body: JSON.stringify({ room }),
      });
      return response.status;
    });
    return Promise.all(calls);
  }, room);
  expect(answers).toEqual([404, 404]);
});
