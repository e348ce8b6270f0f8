import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { launch, phone } from "../e2e/browser.js";
import { RialtoServer } from "../e2e/server.js";
import { collage, type Piece } from "./collage.js";
import { at, play, type Scene } from "./scene.js";
import { enter, picture, settled } from "./stage.js";
import { screenHtml, Terminal } from "./terminal.js";

// The pictures of docs/images, which README shows.

let server: RialtoServer;
let browser: Browser;
let scene: Scene;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  scene = await play(server.webSocketUrl);
  for (const actor of [scene.bo, scene.eve, scene.dana]) {
    await actor.join("lobby");
  }
});

afterAll(async () => {
  scene?.close();
  await browser?.close();
  await server?.close();
});

const lobby = () => `${server.url}/r/lobby`;
const message = (page: Page, seq: number) => page.getByRole("main").locator(`article[data-seq="${seq}"]`);
const newest = 8;

/** The lobby, as Ana sees it. */
async function room(options: Parameters<typeof enter>[4] = {}): Promise<Page> {
  const page = await enter(browser, lobby(), scene.ana, scene, options);
  await message(page, newest).waitFor();
  return page;
}

/** What a page shows, as a piece of a collage. */
async function piece(page: Page, place: Omit<Piece, "content">): Promise<Piece> {
  await settled(page);
  return { ...place, content: await page.screenshot({ animations: "disabled" }) };
}

test("app.png: a thread beside its room, in the dark", async () => {
  const page = await room({ colorScheme: "dark" });
  await message(page, 5).getByRole("button", { name: "2 replies" }).click();
  await page.getByRole("list", { name: "Replies" }).locator("article").nth(1).waitFor();
  await page.mouse.move(0, 0);
  await picture(page, "docs/images", "app");
});

test("wire.png: the wire inspector, with a message of a frame", async () => {
  const page = await room({ preferences: { inspector: true } });
  await page.getByRole("button", { name: "Wire inspector" }).click();
  const inspector = page.getByRole("region", { name: "Wire inspector" });
  await inspector.getByRole("button", { name: "Pause" }).click();
  await inspector.getByRole("button", { name: "sent DATA" }).first().click();
  await page.mouse.move(0, 0);
  await picture(page, "docs/images", "wire");
});

test("phones.png: one thing at a time", async () => {
  const size = { width: 390, height: 780 };
  const places = [24, 24 + 390 + 24, 24 + 2 * (390 + 24)].map((left) => ({ ...size, left, top: 24, bar: false }));
  const [first, second, third] = places as [Piece, Piece, Piece];
  const options = { ...phone, viewport: size };
  const rooms = await room(options);
  await rooms.getByRole("button", { name: "All rooms" }).click();
  const reading = await room({ ...options, colorScheme: "dark" });
  const reacting = await room(options);
  await reacting.getByRole("button", { name: "Emojis" }).tap();
  await reacting.getByLabel("Find an emoji").waitFor();
  await collage(browser, "docs/images/phones.png", { width: 1266, height: 828 }, [
    await piece(rooms, first),
    await piece(reading, { ...second, dark: true }),
    await piece(reacting, third),
  ]);
});

test("rialto.png: two browsers and a terminal in one room", async () => {
  const terminal = new Terminal(server.program, [
    "chat",
    "--url",
    `grpc://${server.grpcAddress}`,
    "--room",
    "lobby",
    "--name",
    "Salarino",
  ]);
  try {
    await terminal.shows("look at the budget");
    scene.moments.push({ real: Date.now(), shown: at("09:41") });
    const wide = await room({ viewport: { width: 1180, height: 720 } });
    const narrow = await enter(browser, lobby(), scene.bo, scene, {
      ...phone,
      viewport: { width: 390, height: 720 },
      colorScheme: "dark",
    });
    terminal.press("-l", "A ship of rich lading has come in, from Tripolis!");
    terminal.press("Enter");
    for (const page of [wide, narrow]) {
      await message(page, newest + 1).waitFor();
    }
    terminal.press("-l", "and the one");
    for (const page of [wide, narrow]) {
      await page.getByText("Salarino is typing…").waitFor();
    }
    await collage(browser, "docs/images/rialto.png", { width: 1280, height: 960 }, [
      await piece(wide, { left: 32, top: 28, width: 944, height: 576 }),
      await piece(narrow, { left: 1000, top: 28, width: 250, height: 462, dark: true }),
      { content: `<pre>${terminalHtml(terminal)}</pre>`, left: 516, top: 500, width: 718, height: 424, dark: true },
    ]);
  } finally {
    terminal.close();
  }
});

/** The terminal's screen, with the times that the other pictures show and the port that the documents name. */
function terminalHtml(terminal: Terminal): string {
  const shown = ["9:12", "9:13", "9:15", "9:21", "9:24", "9:26", "9:31", "9:41"].map((time) => `0${time}`);
  const lines = terminal.screen.split("\n").reverse();
  const times = lines.map((line) => line.replace(/\b\d\d:\d\d\b/, () => shown.pop() ?? "09:12")).reverse();
  return screenHtml(times.join("\n").replace(/grpc:\/\/127\.0\.0\.1:\d+/, "grpc://localhost:9090"));
}
