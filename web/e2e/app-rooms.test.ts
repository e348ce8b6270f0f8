import type { Browser, Page } from "playwright-core";
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

const room = (id: string) => `${server.url}/r/${id}`;

const composer = (page: Page) => page.getByRole("textbox", { name: /^Message / });

/** Opens the dialog about somebody who is here. */
async function about(page: Page, name: string): Promise<void> {
  await page
    .getByRole("region", { name: "Here now" })
    .getByRole("button", { name: new RegExp(`${name}`) })
    .click();
  await page.getByRole("dialog").waitFor();
}

test("an owner sets what the room is about and who posts, gives roles, mutes and bans", async () => {
  const ana = await comeIn(browser, room("council"), "Ana");
  await say(ana.page, "this makes the room");
  await ana.page.locator('article[data-seq="1"]').waitFor();
  const bo = await comeIn(browser, room("council"), "Bo");
  await bo.page.getByRole("button", { name: "Become a member" }).click();
  await bo.page.getByRole("button", { name: "Leave the room" }).waitFor();

  await ana.page.getByRole("button", { name: "Room settings" }).click();
  await ana.page.getByRole("textbox", { name: "Title", exact: true }).fill("The Council");
  await ana.page.getByRole("textbox", { name: "Topic" }).fill("What is decided");
  await ana.page.getByLabel("Who posts").selectOption("moderator");
  await ana.page.getByRole("button", { name: "Save" }).click();
  await bo.page.getByRole("heading", { name: "The Council" }).waitFor();
  await bo.page.getByRole("banner").or(bo.page.locator(".room-header")).getByText("What is decided").waitFor();
  await bo.page.getByText("Only moderators and above post in this room.").waitFor();
  expect(await composer(bo.page).count()).toBe(0);

  await about(ana.page, "Bo");
  await ana.page.getByLabel("Role").selectOption("moderator");
  await composer(bo.page).waitFor();
  await say(bo.page, "now I may");
  await ana.page.locator("article", { hasText: "now I may" }).waitFor();

  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Mute for an hour" }).click();
  await bo.page.getByText("A moderator has muted you in this room.").waitFor();

  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Ban from the room" }).click();
  await ana.page.getByRole("textbox", { name: "Why" }).fill("too loud");
  await ana.page.getByRole("button", { name: "Ban", exact: true }).click();
  await bo.page.getByText("This room cannot be joined.").waitFor();

  // Who is banned, and by whom and why, is listed, and so is what was done.
  await ana.page.getByRole("button", { name: "Moderation" }).click();
  await ana.page.getByRole("button", { name: "Log" }).click();
  const log = ana.page.getByRole("region", { name: "Log" }).getByRole("listitem");
  await eventually(
    async () => (await log.allInnerTexts()).map((text) => text.split("\n")[0]),
    ["Ana banned Bo", "Ana muted Bo", "Ana gave the role of moderator to Bo", "Ana changed the room’s settings"].map(
      (line) => expect.stringMatching(line.replace(/Bo$/, ".+")),
    ),
  );
  await ana.page.getByRole("button", { name: "Banned" }).click();
  await ana.page.getByRole("listitem").filter({ hasText: "“too loud”" }).getByText("for good").waitFor();
  await ana.page.getByRole("button", { name: "Let in again" }).click();
  await ana.page.getByText("Nobody is banned from this room.").waitFor();
  await ana.page.keyboard.press("Escape");
  await bo.page.reload();
  await bo.page.locator("article", { hasText: "now I may" }).waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("a mute for a time ends by itself, for whom it silences and for whom it was told", async () => {
  const ana = await comeIn(browser, room("hush"), "Ana");
  await say(ana.page, "this makes the room");
  await ana.page.locator('article[data-seq="1"]').waitFor();
  const bo = await comeIn(browser, room("hush"), "Bo");
  await bo.page.getByRole("button", { name: "Become a member" }).click();
  await bo.page.getByRole("button", { name: "Leave the room" }).waitFor();
  await about(ana.page, "Bo");
  await Promise.all([ana, bo].map(({ page }) => page.clock.install()));
  await ana.page.getByRole("button", { name: "Mute for an hour" }).click();
  await about(ana.page, "Bo");
  await Promise.all([
    bo.page.getByText("A moderator has muted you in this room.").waitFor(),
    ana.page.getByText("Member, muted").waitFor(),
  ]);
  await Promise.all([ana, bo].map(({ page }) => page.clock.fastForward("01:00:01")));
  await ana.page.getByRole("button", { name: "Mute for an hour" }).waitFor();
  await bo.page.getByRole("textbox", { name: "Message #hush" }).waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("a visitor who is muted may speak again, also when that is not known here any more", async () => {
  const ana = await comeIn(browser, room("open"), "Ana");
  await say(ana.page, "this makes the room");
  await ana.page.locator('article[data-seq="1"]').waitFor();
  const bo = await comeIn(browser, room("open"), "Bo");
  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Mute for an hour" }).click();
  await bo.page.getByText("A moderator has muted you in this room.").waitFor();
  await ana.page.reload();
  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Let them speak again" }).click();
  await bo.page.getByRole("textbox", { name: "Message #open" }).waitFor();
  await say(bo.page, "now I may");
  await ana.page.locator("article", { hasText: "now I may" }).waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("two people speak directly: the same room for both, called after the other, and nobody else sees it", async () => {
  const ana = await comeIn(browser, room("square"), "Ana");
  const bo = await comeIn(browser, room("square"), "Bo");
  const cy = await comeIn(browser, room("square"), "Cy");
  await say(ana.page, "hello all");
  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Message privately" }).click();
  await ana.page.waitForURL((url) => url.pathname.startsWith("/r/direct."));
  await ana.page.getByText("Direct: the same people for good").waitFor();
  await say(ana.page, "between us");
  const address = ana.page.url();

  await about(bo.page, "Ana");
  await bo.page.getByRole("button", { name: "Message privately" }).click();
  await bo.page.waitForURL(address);
  await bo.page.locator("article", { hasText: "between us" }).waitFor();
  await bo.page.getByRole("heading", { name: "Ana", level: 1 }).waitFor();
  await say(bo.page, "I hear you");
  await ana.page.locator("article", { hasText: "I hear you" }).waitFor();
  await ana.page.getByRole("heading", { name: "Bo", level: 1 }).waitFor();
  await ana.page.getByRole("textbox", { name: "Message Bo" }).waitFor();
  await ana.page.getByRole("heading", { name: "Direct messages" }).waitFor();

  await cy.page.goto(address);
  await cy.page.getByText("This room cannot be joined.").waitFor();
  expect(await cy.page.getByText("between us").count()).toBe(0);
  expect([...ana.faults, ...bo.faults, ...cy.faults]).toEqual([]);
});

test("a private room is come into by an invitation, by a link, or by a request", async () => {
  const ana = await comeIn(browser, room("hall"), "Ana");
  const bo = await comeIn(browser, room("hall"), "Bo");
  const cy = await comeIn(browser, room("hall"), "Cy");
  const di = await comeIn(browser, room("hall"), "Di");
  await ana.page.getByRole("button", { name: "New room" }).click();
  await ana.page.getByRole("textbox", { name: "Title", exact: true }).fill("Vault");
  await ana.page.getByLabel("Private: only its members see it").check();
  await ana.page.getByRole("button", { name: "Make room" }).click();
  await ana.page.waitForURL(room("vault"));
  await ana.page.getByRole("button", { name: "Room settings" }).click();
  await ana.page.getByLabel("People may ask to become members").check();
  await ana.page.getByRole("button", { name: "Save" }).click();
  await ana.page.getByRole("dialog").waitFor({ state: "detached" });

  // An invitation of somebody who was met elsewhere.
  await ana.page.getByRole("button", { name: "Invite people" }).click();
  await ana.page.getByLabel("Find somebody").fill("d");
  await ana.page.getByRole("button", { name: "Invite Di" }).click();
  await ana.page.getByText("Invited").waitFor();
  await ana.page.keyboard.press("Escape");
  // The list is asked for when one looks at the page again.
  await di.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  const invitation = di.page.getByRole("region", { name: "Invitations" });
  await invitation.getByText("Ana").waitFor();
  await invitation.getByRole("button", { name: "Come in" }).click();
  await di.page.waitForURL(room("vault"));
  await say(di.page, "by invitation");

  // A link, which is shown once, in a browser that was never here.
  await ana.page.getByRole("button", { name: "Moderation" }).click();
  await ana.page.getByRole("button", { name: "Invitation links" }).click();
  await ana.page.getByRole("button", { name: "Make a link" }).click();
  const link = await ana.page.getByLabel("The new link").inputValue();
  await ana.page.getByText("used 0 times").waitFor();
  await bo.page.goto(link);
  await bo.page.waitForURL(room("vault"));
  await say(bo.page, "by the link");
  await ana.page.getByRole("button", { name: "Remove", exact: true }).click();
  await ana.page.getByText("There are no links.").waitFor();
  await cy.page.goto(link);
  await cy.page.getByText("This invitation does not let you in").waitFor();

  // A request, and who accepts it.
  await cy.page.goto(room("vault"));
  await cy.page.getByRole("button", { name: "Ask to become a member" }).click();
  await cy.page.getByText("its moderators see yours now").waitFor();
  await ana.page.getByRole("button", { name: "Requests" }).click();
  await ana.page.getByRole("listitem").filter({ hasText: "Cy" }).getByRole("button", { name: "Let in" }).click();
  await ana.page.getByText("Nobody asks to become a member.").waitFor();
  await cy.page.locator("article", { hasText: "by the link" }).waitFor();
  expect([ana, bo, cy, di].flatMap(({ faults }) => faults)).toEqual([]);
});

test("a room keeps what its owner says, until they delete it, which everybody in it is told", async () => {
  const ana = await comeIn(browser, room("doomed"), "Ana");
  await say(ana.page, "this makes the room");
  await ana.page.locator('article[data-seq="1"]').waitFor();
  const bo = await comeIn(browser, room("doomed"), "Bo");
  await bo.page.locator('article[data-seq="1"]').waitFor();
  await ana.page.getByRole("button", { name: "Room settings" }).click();
  await ana.page.getByLabel("Messages are kept").selectOption("For 30 days");
  await ana.page.getByRole("button", { name: "Save" }).click();
  await ana.page.getByRole("dialog").waitFor({ state: "detached" });
  await ana.page.getByRole("button", { name: "Room settings" }).click();
  expect(await ana.page.getByLabel("Messages are kept").inputValue()).toBe("month");

  await ana.page.getByRole("button", { name: "Delete the room…" }).click();
  await ana.page.getByRole("button", { name: "Delete for good" }).click();
  await ana.page.waitForURL(room("lobby"));
  await bo.page.getByText("The room was deleted.").waitFor();
  expect(await bo.page.getByText("this makes the room").count()).toBe(0);
  expect(await composer(bo.page).count()).toBe(0);
  await eventually(() => ana.page.getByRole("link", { name: "doomed" }).count(), 0);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("a private room is made, and is marked as one in the list", async () => {
  const { page, faults } = await comeIn(browser, room("lobby"), "Ana");
  await page.getByRole("button", { name: "New room" }).click();
  await page.getByRole("textbox", { name: "Title", exact: true }).fill("Secrets");
  await page.getByLabel("Private: only its members see it").check();
  await page.getByRole("button", { name: "Make room" }).click();
  await page.waitForURL(room("secrets"));
  await eventually(() => page.getByRole("link", { name: "Secrets" }).textContent(), expect.stringContaining("Private"));
  expect(faults).toEqual([]);
});
