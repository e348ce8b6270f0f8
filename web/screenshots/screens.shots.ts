import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { launch, phone } from "../e2e/browser.js";
import { Network } from "../e2e/network.js";
import { PlainClient } from "../e2e/plain-client.js";
import { RialtoServer } from "../e2e/server.js";
import { play, type Scene } from "./scene.js";
import { enter, picture } from "./stage.js";

// Pictures of every screen in web/test-results/screens, to be looked at one by one.

let server: RialtoServer;
let browser: Browser;
let scene: Scene;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  scene = await play(server.webSocketUrl);
  const talkative = await PlainClient.connect(server.webSocketUrl, "The log");
  await talkative.say("log", ...Array.from({ length: 200 }, (_, i) => `line ${i + 1}`));
  talkative.close();
  await scene.dana.client.createRoom({ id: "secret", title: "Secret", kind: "private" });
  for (const actor of [scene.bo, scene.eve, scene.dana]) {
    await actor.join("lobby");
  }
});

afterAll(async () => {
  scene?.close();
  await browser?.close();
  await server?.close();
});

const message = (page: Page, seq: number) => page.getByRole("main").locator(`article[data-seq="${seq}"]`);
const composer = (page: Page) => page.getByRole("textbox", { name: /^Message / });
const menu = async (page: Page) => {
  const back = page.getByRole("button", { name: "All rooms" });
  if (await back.isVisible()) {
    await back.click();
  }
};
const about = async (page: Page) => {
  const button = page.getByRole("button", { name: /^Who is here/ });
  if (await button.isVisible()) {
    await button.click();
  }
  await page.getByRole("region", { name: "Here now" }).waitFor();
};

/** How one gets from the lobby to a screen. */
const screens: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  room: async () => undefined,
  rooms: menu,
  toolbar: async (page) => {
    await message(page, 4).hover();
    await message(page, 4).focus();
  },
  reactions: async (page) => {
    await message(page, 4).focus();
    await page.keyboard.press("+");
  },
  delete: async (page) => {
    await message(page, 8).focus();
    await page.keyboard.press("Delete");
  },
  edit: async (page) => {
    await message(page, 8).focus();
    await page.keyboard.press("e");
  },
  reply: async (page) => {
    await message(page, 5).focus();
    await page.keyboard.press("r");
  },
  completions: (page) => composer(page).pressSequentially("@b"),
  emojis: (page) => page.getByRole("button", { name: "Emojis" }).click(),
  "all-emojis": async (page) => {
    await message(page, 4).focus();
    await page.keyboard.press("+");
    await page
      .getByRole("button", { name: /more|all emojis/i })
      .first()
      .click();
  },
  thread: async (page) => {
    await message(page, 5).focus();
    await page.keyboard.press("t");
    await page.getByRole("list", { name: "Replies" }).locator("article").nth(1).waitFor();
  },
  about,
  person: async (page) => {
    await about(page);
    await page.locator(".person", { hasText: "Eve Moreau" }).click();
  },
  "room-settings": async (page) => {
    await about(page);
    await page.getByRole("button", { name: "Room settings" }).click();
  },
  switcher: async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Room" }).fill("re");
  },
  "switcher-nothing": async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Room" }).fill("???");
  },
  settings: async (page) => {
    await menu(page);
    await page.getByRole("button", { name: ": settings" }).click();
  },
  "new-room": async (page) => {
    await menu(page);
    await page.getByRole("button", { name: "New room" }).click();
    await page.getByLabel("Title").fill("Après Ski");
  },
  draft: async (page) => {
    await composer(page).fill("It is `ctx.Done()` that\n- ends it\n- tells why");
  },
  present: async (page) => {
    await page.getByRole("region", { name: "Messages" }).evaluate((view) => {
      view.scrollTop = 0;
    });
  },
  empty: (page) => page.goto(`${server.url}/r/a-new-one`),
  private: (page) => page.goto(`${server.url}/r/council`),
  nowhere: (page) => page.goto(`${server.url}/nowhere`),
  unseen: (page) => page.goto(`${server.url}/r/not%20a%20room`),
  missing: (page) => page.goto(`${server.url}/r/lobby/4000`),
  ban: async (page) => {
    await about(page);
    await page.locator(".person", { hasText: "Eve Moreau" }).click();
    await page.getByRole("button", { name: "Ban from the room…" }).click();
  },
  links: async (page) => {
    await about(page);
    await page.getByRole("button", { name: "Moderation" }).click();
    await page.getByText("used").first().waitFor();
  },
  banned: async (page) => {
    await about(page);
    await page.getByRole("button", { name: "Moderation" }).click();
    await page.getByRole("button", { name: "Banned" }).click();
    await page.getByText("let in again").or(page.getByText("Let in again")).first().waitFor();
  },
  log: async (page) => {
    await about(page);
    await page.getByRole("button", { name: "Moderation" }).click();
    await page.getByRole("button", { name: "Log" }).click();
    await page.getByText("banned").first().waitFor();
  },
  direct: async (page) => {
    await page.goto(`${server.url}/r/${scene.direct}`);
    await page.getByRole("heading", { name: "Bo Larsen" }).waitFor();
  },
  past: async (page) => {
    await page.goto(`${server.url}/r/log/60`);
    await message(page, 60).waitFor();
  },
  refused: async (page) => {
    await page.goto(`${server.url}/r/secret`);
    await page.getByText("This room cannot be joined").waitFor();
  },
  join: async (page) => {
    await page.goto(`${server.url}/join#nothing`);
    await page.getByText("does not let you in").waitFor();
  },
  wire: async (page) => {
    await page.evaluate(() =>
      localStorage.setItem(
        "rialto.preferences",
        localStorage.getItem("rialto.preferences")?.replace("{", '{"inspector":true,') ?? "",
      ),
    );
    await page.reload();
    await message(page, 8).waitFor();
    await menu(page);
    await page.getByRole("button", { name: "Wire inspector" }).click();
    await page
      .getByRole("button", { name: /received DATA/ })
      .first()
      .click();
  },
  "wire-calls": async (page) => {
    await screens["wire"]?.(page);
    await page.getByRole("button", { name: /^Calls/ }).click();
  },
  failed: async (page) => {
    await page.goto(`${server.url}/r/slow`);
    await composer(page).fill("one");
    await page.keyboard.press("Enter");
    await page.getByRole("main").locator("article[data-seq]").first().waitFor();
    await composer(page).fill("two, too soon");
    await page.keyboard.press("Enter");
    await page
      .getByRole("button", { name: "Retry" })
      .or(page.getByText(/failed|not sent/i))
      .first()
      .waitFor();
  },
  offline: async (page) => {
    const network = await Network.of(page);
    await page.reload();
    await message(page, 8).waitFor();
    await network.break();
    await page.getByText("Reconnecting").waitFor();
    await composer(page).fill("What I say here waits.");
    await page.keyboard.press("Enter");
  },
  invite: async (page) => {
    await about(page);
    await page.getByRole("button", { name: "Invite people" }).click();
    await page.getByLabel("Find somebody").waitFor();
  },
};

const small: BrowserContextOptions = { ...phone, viewport: { width: 320, height: 568 } };
const sizes: Readonly<Record<string, BrowserContextOptions>> = {
  "wide-light": { colorScheme: "light" },
  "wide-dark": { colorScheme: "dark" },
  "wide-contrast": { colorScheme: "light", contrast: "more" },
  "wide-contrast-dark": { colorScheme: "dark", contrast: "more" },
  "wide-rtl": { colorScheme: "light", locale: "he-IL" },
  "wide-forced": { forcedColors: "active" },
  "zoomed-light": { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
  "phone-light": { ...phone, colorScheme: "light" },
  "phone-dark": { ...phone, colorScheme: "dark" },
  "small-light": { ...small, colorScheme: "light" },
};

describe.each(Object.entries(sizes))("%s", (size, options) => {
  test("welcome", async () => {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByLabel("Your name").waitFor();
    await picture(page, "web/test-results/screens", `${size}-welcome`);
    await context.close();
  });

  test.each(Object.entries(screens))("%s", async (screen, go) => {
    const page = await enter(browser, `${server.url}/r/lobby`, scene.ana, scene, options);
    await message(page, 8).waitFor();
    await go(page);
    await page.waitForLoadState("networkidle");
    await picture(page, "web/test-results/screens", `${size}-${screen}`);
    await page.context().close();
  });
});
