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

const composer = (page: Page) => page.getByRole("textbox", { name: /^Message #/ });

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
  await bo.page.getByText("This room cannot be joined.").waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("two people speak in private: a room of their own, an invitation, and nobody else sees it", async () => {
  const ana = await comeIn(browser, room("square"), "Ana");
  const bo = await comeIn(browser, room("square"), "Bo");
  const cy = await comeIn(browser, room("square"), "Cy");
  await say(ana.page, "hello all");
  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Message privately" }).click();
  await ana.page.waitForURL((url) => url.pathname.startsWith("/r/") && url.pathname !== "/r/square");
  await ana.page.getByText("Private: only its members see it.").waitFor();
  await say(ana.page, "between us");
  const address = ana.page.url();

  // The list is asked for when one looks at the page again.
  await bo.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  const invitation = bo.page.getByRole("region", { name: "Invitations" });
  await invitation.getByText("Ana").waitFor();
  await invitation.getByRole("button", { name: "Come in" }).click();
  await bo.page.waitForURL(address);
  await bo.page.locator("article", { hasText: "between us" }).waitFor();
  await say(bo.page, "I hear you");
  await ana.page.locator("article", { hasText: "I hear you" }).waitFor();

  await cy.page.goto(address);
  await cy.page.getByText("This room cannot be joined.").waitFor();
  expect(await cy.page.getByText("between us").count()).toBe(0);
  expect([...ana.faults, ...bo.faults, ...cy.faults]).toEqual([]);
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
