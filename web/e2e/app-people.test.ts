import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultsOn } from "./axe.js";
import { comeIn, eventually, launch, lookElsewhere, say } from "./browser.js";
import { PlainClient } from "./plain-client.js";
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

/** Opens the dialog about somebody who is here. */
async function about(page: Page, name: string): Promise<void> {
  await page
    .getByRole("region", { name: "Here now" })
    .getByRole("button", { name: new RegExp(name) })
    .click();
  await page.getByRole("dialog").waitFor();
}

async function openSettings(page: Page): Promise<void> {
  await page.getByRole("button", { name: /: settings$/ }).click();
  await page.getByRole("dialog").waitFor();
}

test("somebody says who they are, and others read it", async () => {
  const ana = await comeIn(browser, room("fair"), "Ana");
  const bo = await comeIn(browser, room("fair"), "Bo");
  await openSettings(bo.page);
  const text = bo.page.getByRole("textbox", { name: "About you" });
  await text.fill("x".repeat(281));
  await bo.page.getByText("At most 280 characters; this has 281.").waitFor();
  await text.fill("I knit.\nAnd I row.");
  await bo.page.getByRole("textbox", { name: "Your name" }).fill("Bo B.");
  await bo.page.getByRole("button", { name: "Choose an emoji" }).click();
  await bo.page.getByRole("searchbox", { name: "Find an emoji" }).fill("rocket");
  await bo.page.keyboard.press("Enter");
  await bo.page.getByRole("group", { name: "Your emoji" }).getByRole("button", { name: "🚀 Change" }).waitFor();
  expect(await faultsOn(bo.page)).toEqual([]);
  await bo.page.getByRole("button", { name: "Save", exact: true }).click();
  await bo.page.getByRole("dialog").waitFor({ state: "detached" });

  await bo.page
    .getByRole("region", { name: "Here now" })
    .getByRole("button", { name: /Bo B\..*🚀/ })
    .waitFor();
  await about(ana.page, "Bo B\\.");
  await ana.page.getByRole("dialog").getByText("And I row.").waitFor();
  await ana.page.getByRole("dialog").getByText("🚀").waitFor();
  expect(await faultsOn(ana.page)).toEqual([]);
  await openSettings(bo.page);
  await eventually(() => text.inputValue(), "I knit.\nAnd I row.");

  // Who comes later sees it in the list.
  const cy = await comeIn(browser, room("fair"), "Cy");
  await cy.page
    .getByRole("region", { name: "Here now" })
    .getByRole("button", { name: /Bo B\..*🚀/ })
    .waitFor();
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("an emoji shows also while more and more people come", async () => {
  const ana = await comeIn(browser, room("crowd"), "Ana");
  const bo = await comeIn(browser, room("hall"), "Bo");
  await openSettings(bo.page);
  await bo.page.getByRole("button", { name: "Choose an emoji" }).click();
  await bo.page.getByRole("searchbox", { name: "Find an emoji" }).fill("rocket");
  await bo.page.keyboard.press("Enter");
  await bo.page.getByRole("button", { name: "Save", exact: true }).click();
  await bo.page.getByRole("dialog").waitFor({ state: "detached" });
  const here = ana.page.getByRole("region", { name: "Here now" });
  await here.getByRole("button", { name: /Ana/ }).waitFor();
  await bo.page.goto(room("crowd"));
  const crowd: PlainClient[] = [];
  const withEmoji = here.getByRole("button", { name: /Bo.*🚀/ });
  await ana.page.clock.install();
  while (crowd.length < 20 && !(await withEmoji.isVisible())) {
    const one = await PlainClient.connect(server.webSocketUrl, `Guest no. ${crowd.length}.`);
    crowd.push(one);
    await one.join("crowd");
    await here.getByText(`Guest no. ${crowd.length - 1}.`).waitFor();
    await ana.page.clock.runFor(600);
  }
  expect(await withEmoji.isVisible()).toBe(true);
  for (const one of crowd) {
    one.close();
  }
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});

test("what somebody says who is blocked is one line, and no news, until they are unblocked", async () => {
  const ana = await comeIn(browser, room("quay"), "Ana");
  const bo = await comeIn(browser, room("quay"), "Bo");
  await say(bo.page, "rude words");
  const first = ana.page.locator('article[data-seq="1"]');
  await first.getByText("rude words").waitFor();
  await about(ana.page, "Bo");
  await ana.page.getByRole("button", { name: "Block", exact: true }).click();
  await first.getByText("Message from somebody you blocked").waitFor();
  expect(await ana.page.getByText("rude words").count()).toBe(0);
  expect(await faultsOn(ana.page)).toEqual([]);
  // It is so from the first moment on the next time, and one may look.
  await ana.page.reload();
  await first.getByRole("button", { name: "show" }).click();
  await first.getByText("rude words").waitFor();

  await ana.page.goto(room("home"));
  await ana.page.getByText("Beginning of").waitFor();
  await ana.page.getByRole("link", { name: "quay" }).click();
  await first.waitFor();
  await ana.page.getByRole("link", { name: "home" }).click();
  await ana.page.getByText("Beginning of").waitFor();
  const shown = await lookElsewhere(ana.page);
  const link = ana.page.getByRole("link", { name: "quay" });
  await say(bo.page, "hey @Ana");
  await eventually(() => link.textContent(), expect.stringContaining("1 unread"));
  expect(await link.textContent()).not.toContain("mentions you");
  expect(await shown()).toEqual([]);

  await openSettings(ana.page);
  await ana.page.getByRole("region", { name: "Blocked people" }).getByText("Bo").first().waitFor();
  expect(await faultsOn(ana.page)).toEqual([]);
  await ana.page.getByRole("button", { name: "Unblock Bo" }).click();
  await ana.page.getByText("Nobody. To block somebody").waitFor();
  await ana.page.keyboard.press("Escape");
  await eventually(() => link.textContent(), expect.stringContaining("mentions you"));
  await say(bo.page, "again, @Ana");
  await eventually(shown, ["Bo · quay: again, @Ana"]);
  expect([...ana.faults, ...bo.faults]).toEqual([]);
});
