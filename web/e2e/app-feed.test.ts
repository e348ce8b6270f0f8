import { memoryTokens } from "@rialto/chat";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { comeIn, eventually, launch, lookElsewhere } from "./browser.js";
import { Clients, idOf, joined } from "./clients.js";
import { RialtoServer } from "./server.js";

// The pane of rooms, which the server keeps current: nobody looks at the page anew, and no room but "home" is open in it.

let server: RialtoServer;
let browser: Browser;
const clients = new Clients(() => server);

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

afterEach(() => {
  clients.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Comes in, on this page and with another device. */
async function comeInTwice() {
  const person = await comeIn(browser, `${server.url}/r/home`, "Ana");
  const token = await person.page.evaluate(() => localStorage.getItem("rialto.token"));
  const phone = clients.start("Ana", memoryTokens(token ?? ""));
  return { ...person, phone, id: await idOf(phone) };
}

const link = (page: Page, name: string) => page.getByRole("link", { name });

test("what others write where one belongs shows in the list, the title and as a notification, until it is read anywhere", async () => {
  const { page, faults, phone, id } = await comeInTwice();
  const bo = clients.start("Bo");
  const news = await bo.createRoom({ title: "News" });
  const room = bo.room(news.id);
  await phone.room(news.id).members.add();
  await page.getByRole("heading", { name: "Your rooms" }).waitFor();
  await link(page, "News").waitFor();
  room.send("one");
  room.send("two, Ana", { mentions: [id] });
  await eventually(() => link(page, "News").textContent(), expect.stringMatching(/mentions you.*2 unread/));
  await eventually(() => page.title(), "(2) home · Rialto");
  expect(await page.locator('link[rel="icon"]').getAttribute("href")).toBe("/favicon-unread.svg");

  (await joined(phone, news.id)).markRead(2);
  await eventually(() => link(page, "News").textContent(), expect.not.stringContaining("unread"));
  await eventually(() => page.title(), "home · Rialto");
  expect(await page.locator('link[rel="icon"]').getAttribute("href")).toBe("/favicon.svg");

  const shown = await lookElsewhere(page);
  room.send("three");
  await eventually(() => link(page, "News").textContent(), expect.stringContaining("1 unread"));
  room.send("four, Ana", { mentions: [id] });
  await eventually(shown, ["Bo · News: four, Ana"]);
  expect(faults).toEqual([]);
});

test("invitations come and go by themselves, are accepted and declined, and the room goes with the membership", async () => {
  const { page, faults, id } = await comeInTwice();
  const bo = clients.start("Bo");
  const den = await bo.createRoom({ title: "The den", kind: "private" });
  const { members } = bo.room(den.id);
  const invitations = page.getByRole("region", { name: "Invitations" });
  const gone = () => invitations.waitFor({ state: "detached" });

  await members.invite(id);
  await invitations.getByText("The den").waitFor();
  await members.removeInvitation(id);
  await gone();
  await members.invite(id);
  await invitations.getByRole("button", { name: "Decline" }).click();
  await gone();
  await members.invite(id);
  await invitations.getByRole("button", { name: "Come in" }).click();
  await page.waitForURL(`${server.url}/r/${den.id}`);
  await gone();
  await eventually(() => link(page, "The den").textContent(), expect.stringContaining("Private room"));

  await members.setRole(id, "moderator");
  await bo.room(den.id).update({ joinRequests: true });
  await clients.start("Cy").room(den.id).members.request("May I?");
  await eventually(() => link(page, "The den").textContent(), expect.stringContaining("1? ask to come in"));

  await members.ban(id);
  await link(page, "The den").waitFor({ state: "detached" });
  await page.getByText("This room cannot be joined.").waitFor();
  expect(faults).toEqual([]);
});

test("a direct room comes with its first message, called after who wrote it", async () => {
  const { page, faults, id } = await comeInTwice();
  const bo = clients.start("Bo");
  const direct = await bo.openDirectRoom([id]);
  bo.room(direct.id).send("psst");
  await eventually(() => link(page, "Bo").textContent(), expect.stringMatching(/^Direct messages Bo.*1 unread$/));
  expect(faults).toEqual([]);
});
