import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultsOn } from "./axe.js";
import { comeIn, eventually, launch, open, phone, say } from "./browser.js";
import { PlainClient } from "./plain-client.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let bo: PlainClient;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await bo.join("lobby");
  await bo.say("lobby", "**Good morning**", "look: https://example.org\n> so\n```js\nlet x;\n```", "`code`");
});

afterAll(async () => {
  bo?.close();
  await browser?.close();
  await server?.close();
});

const composer = (page: Page) => page.getByRole("textbox", { name: "Message #lobby" });

/** Every screen, and how one gets there from the room. */
const screens: [name: string, go: (page: Page) => Promise<void>][] = [
  ["the room", async () => undefined],
  ["a message's toolbar", (page) => page.locator("article").last().focus()],
  [
    "reactions",
    async (page) => {
      await page.locator("article").last().focus();
      await page.keyboard.press("+");
      await page.getByRole("toolbar", { name: "Choose a reaction" }).waitFor();
    },
  ],
  [
    "an editor",
    async (page) => {
      await composer(page).press("ArrowUp");
      await page.getByLabel("Edit the message").waitFor();
    },
  ],
  [
    "a reply",
    async (page) => {
      await page.locator("article").first().focus();
      await page.keyboard.press("r");
    },
  ],
  [
    "completions",
    async (page) => {
      await composer(page).pressSequentially("@b");
      await page.getByRole("option", { name: "Bo" }).waitFor();
    },
  ],
  [
    "the emoji picker",
    async (page) => {
      await page.getByRole("button", { name: "Emojis" }).click();
      await page.getByLabel("Find an emoji").waitFor();
    },
  ],
  [
    "a thread",
    async (page) => {
      await page.locator("article").first().focus();
      await page.keyboard.press("t");
      await page.getByRole("textbox", { name: "Reply", exact: true }).waitFor();
    },
  ],
  [
    "the switcher",
    async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox", { name: "Room" }).waitFor();
    },
  ],
];

/** What owners see of a room, and how one gets there from the pane about it. */
const ownersScreens: [name: string, go: (page: Page) => Promise<void>][] = [
  ["the people", async () => undefined],
  [
    "the room's settings",
    async (page) => {
      await page.getByRole("button", { name: "Room settings" }).click();
      await page.getByLabel("Who posts").waitFor();
    },
  ],
  [
    "links",
    async (page) => {
      await page.getByRole("button", { name: "Moderation" }).click();
      await page.getByRole("button", { name: "Make a link" }).click();
      await page.getByLabel("The new link").waitFor();
      await page.getByText("used 0 times").first().waitFor();
    },
  ],
  [
    "the log",
    async (page) => {
      await page.getByRole("button", { name: "Moderation" }).click();
      await page.getByRole("button", { name: "Log" }).click();
      await page.getByText("made an invitation link").first().waitFor();
    },
  ],
  [
    "who is banned",
    async (page) => {
      await page.getByRole("button", { name: "Moderation" }).click();
      await page.getByRole("button", { name: "Banned" }).click();
      await page.getByText("Nobody is banned from this room.").waitFor();
    },
  ],
  [
    "whom to invite",
    async (page) => {
      await page.getByRole("button", { name: "Invite people" }).click();
      await page.getByLabel("Find somebody").waitFor();
    },
  ],
  [
    "a ban",
    async (page) => {
      await page.getByRole("region", { name: "Here now" }).getByRole("button", { name: /Bo/ }).click();
      await page.getByRole("button", { name: "Ban from the room" }).click();
      await page.getByRole("form", { name: "Ban Bo" }).waitFor();
    },
  ],
];

/** Addresses that lead nowhere, and what is said there. */
const emptyScreens: readonly (readonly [path: string, words: string])[] = [
  ["/nowhere", "This address leads to no room."],
  ["/r/not%20a%20room", "cannot be a room"],
  ["/join#nothing", "does not let you in"],
  ["/r/nobody-spoke-here", "Nobody said anything yet."],
];

describe.each([
  ["desktop", {}],
  ["phone", phone],
] as const)("axe-core finds nothing on a %s", (device, options) => {
  test("in light and dark, on any screen", async () => {
    // Else it would measure colours on their way from one theme to the other.
    const still = { ...options, reducedMotion: "reduce" } as const;
    const first = await open(browser, server.url, still);
    await first.page.getByLabel("Your name").waitFor();
    expect(await faultsOn(first.page)).toEqual([]);
    const { page } = await comeIn(browser, `${server.url}/r/lobby`, "Ana", still);
    await say(page, "mine");
    await page.locator("article[data-own][data-seq]").first().waitFor();
    const address = page.url();
    for (const [name, go] of screens) {
      await page.goto(address);
      await page.locator("article[data-seq]").first().waitFor();
      await composer(page).fill("");
      await go(page);
      await page.emulateMedia({ colorScheme: "light" });
      expect(await faultsOn(page), name).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await faultsOn(page, { runOnly: ["color-contrast"] }), name).toEqual([]);
    }
    await page.goto(address);
    if (device === "phone") {
      await page.getByRole("button", { name: "All rooms" }).click();
    }
    await page.getByRole("button", { name: ": settings" }).click();
    await page.getByRole("heading", { name: "Settings" }).waitFor();
    expect(await faultsOn(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "New room" }).click();
    await page.getByRole("heading", { name: "New room" }).waitFor();
    expect(await faultsOn(page)).toEqual([]);
    await page.context().close();
  });

  test("on what owners and moderators see, and where there is nothing to see", async () => {
    const still = { ...options, reducedMotion: "reduce" } as const;
    const { page } = await comeIn(browser, `${server.url}/r/owned-${device}`, "Ana", still);
    await say(page, "this makes the room");
    await page.locator('article[data-seq="1"]').waitFor();
    await bo.join(`owned-${device}`);
    const address = page.url();
    for (const [name, go] of ownersScreens) {
      await page.goto(address);
      await page.locator("article[data-seq]").first().waitFor();
      if (device === "phone") {
        await page.getByRole("button", { name: /^Who is here/ }).click();
      }
      await page.getByRole("region", { name: "Here now" }).getByText("Bo").waitFor();
      await go(page);
      expect(await faultsOn(page), name).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await faultsOn(page, { runOnly: ["color-contrast"] }), name).toEqual([]);
      await page.emulateMedia({ colorScheme: "light" });
    }
    for (const [path, words] of emptyScreens) {
      await page.goto(server.url + path);
      await page.getByText(words).first().waitFor();
      expect(await faultsOn(page), path).toEqual([]);
    }
    await page.context().close();
  });
});

test("what others say, and what becomes of the connection, is announced once", async () => {
  const { page } = await comeIn(browser, `${server.url}/r/aloud`, "Ana");
  const log = page.getByRole("log").locator("p");
  await bo.say("aloud", "**hello** `Ana`");
  await eventually(() => log.allTextContents(), ["Bo: hello Ana"]);
  await say(page, "my own words are not read to me");
  await bo.say("aloud", "second");
  await eventually(() => log.allTextContents(), ["Bo: hello Ana", "Bo: second"]);
  await server.kill();
  await page
    .getByRole("status")
    .getByText(/Reconnecting/)
    .waitFor();
  await server.restart();
  bo = await PlainClient.connect(server.webSocketUrl, "Bo");
  await eventually(() => page.getByRole("status").filter({ hasText: "Reconnecting" }).count(), 0);
  expect(await log.allTextContents()).toEqual(["Bo: hello Ana", "Bo: second"]);
});

test("the main things are done with the keyboard alone", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/keys`, "Ana");
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
  await eventually(focused, "Message #keys");
  await keyboard.type("first");
  await keyboard.press("Enter");
  await page.locator('article[data-seq="1"]').waitFor();
  await bo.say("keys", "second");
  await page.locator('article[data-seq="2"]').waitFor();

  // To the messages, and an answer to the first.
  await keyboard.press("Shift+Tab");
  while (!(await focused()).startsWith("Bo,")) {
    await keyboard.press("Shift+Tab");
  }
  await keyboard.press("ArrowUp");
  await keyboard.press("r");
  await eventually(focused, "Message #keys");
  await keyboard.type("an answer");
  await keyboard.press("Enter");
  await page.locator('article[data-seq="3"]').getByText("In reply to").waitFor({ state: "attached" });

  // Its answers in their own pane, and back.
  await page.locator('article[data-seq="1"]').focus();
  await keyboard.press("t");
  await eventually(focused, "Reply");
  await keyboard.type("another");
  await keyboard.press("Enter");
  await page.locator('article[data-seq="4"]').first().waitFor();
  await page.getByRole("complementary", { name: "Thread" }).getByText("2 replies").first().waitFor();

  // Another room, by a few letters.
  await keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Room" }).waitFor();
  await keyboard.type("lob");
  await page.getByRole("option", { name: "lobby" }).first().waitFor();
  await keyboard.press("Enter");
  await page.waitForURL(`${server.url}/r/lobby`);
  await eventually(focused, "Message #lobby");
  expect(faults).toEqual([]);
});

test("the focus comes back from the emojis, which close when it goes elsewhere", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/focus`, "Ana");
  const composer = page.getByRole("textbox", { name: "Message #focus" });
  const emojis = page.getByRole("dialog", { name: "Emojis" });
  const isFocused = () => composer.evaluate((element) => element === document.activeElement);
  const open = async () => {
    await page.getByRole("button", { name: "Emojis" }).click();
    await eventually(() => emojis.getByLabel("Find an emoji").evaluate((e) => e === document.activeElement), true);
  };
  await open();
  await page.keyboard.press("Escape");
  await emojis.waitFor({ state: "detached" });
  expect(await isFocused()).toBe(true);

  await open();
  await page.getByRole("button", { name: "Emojis" }).click();
  await emojis.waitFor({ state: "detached" });
  expect(await isFocused()).toBe(true);

  await open();
  await emojis.getByRole("button").last().focus();
  await page.keyboard.press("Tab");
  await emojis.waitFor({ state: "detached" });
  expect(await isFocused()).toBe(true);
  expect(faults).toEqual([]);
});
