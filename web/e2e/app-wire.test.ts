import type { Browser } from "playwright-core";
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

test("the wire inspector shows frames and calls, decoded, and no secret", async () => {
  const { page, faults } = await comeIn(browser, `${server.url}/r/wire`, "Ana", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const button = page.getByRole("button", { name: "Wire inspector", exact: true });
  expect(await button.count()).toBe(0);
  await page.getByRole("button", { name: /: settings$/ }).click();
  await page.getByLabel("Wire inspector").check();
  await page.keyboard.press("Escape");
  await page.reload();
  await button.click();
  const inspector = page.getByRole("region", { name: "Wire inspector" });
  const detail = inspector.getByRole("region", { name: "The chosen frame" });
  await inspector.getByRole("button", { name: "sent SETTINGS" }).click();
  await eventually(() => detail.textContent(), expect.stringContaining("streamWindowBytes"));
  await inspector.getByRole("button", { name: "sent OPEN" }).first().click();
  await eventually(() => detail.textContent(), expect.stringContaining("•••"));
  expect(await detail.textContent()).not.toMatch(/Bearer|eyJ/);

  await say(page, "seen on the wire");
  await page.locator("article", { hasText: "seen on the wire" }).waitFor();
  await inspector.getByRole("button", { name: "Pause" }).click();
  const frames = inspector.getByRole("button", { name: /DATA$/ });
  const shown: string[] = [];
  for (const frame of await frames.all()) {
    await frame.click();
    shown.push((await detail.textContent()) ?? "");
  }
  expect(
    shown.filter((text) => text.includes("rialto.chat.v1.ConnectRequest") && text.includes("seen on the wire")),
  ).toHaveLength(1);
  expect(shown.filter((text) => text.includes('"posted"') && text.includes("seen on the wire"))).toHaveLength(1);

  // A filter finds what is in the frames, too; what was chosen can be copied.
  await inspector.getByRole("searchbox", { name: "Filter" }).fill("data posted");
  await eventually(() => frames.count(), 1);
  await inspector.getByRole("button", { name: "received DATA" }).click();
  await inspector.getByRole("button", { name: "Copy" }).click();
  await inspector.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await detail.textContent());
  await inspector.getByRole("searchbox", { name: "Filter" }).fill("no frame says this");
  await inspector.getByText("No frames.").waitFor();
  await inspector.getByRole("searchbox", { name: "Filter" }).fill("");

  await inspector.getByRole("button", { name: /^Calls/ }).click();
  const calls = inspector.getByRole("region", { name: "Calls" }).getByRole("row");
  await calls.filter({ hasText: "ChatService/Connect" }).filter({ hasText: "open" }).first().waitFor();
  await calls.filter({ hasText: "RoomService/ListRooms" }).filter({ hasText: "OK" }).first().waitFor();
  await inspector.getByRole("button", { name: "RoomService/ListRooms" }).first().click();
  const call = inspector.getByRole("region", { name: "The chosen call" });
  await eventually(
    () => call.textContent(),
    expect.stringMatching(/ListRoomsRequest[\s\S]*ListRoomsResponse[\s\S]*END/),
  );
  await inspector.getByRole("button", { name: "Clear" }).click();
  await inspector.getByRole("button", { name: "Calls · 0" }).waitFor();
  await inspector.getByRole("button", { name: "Close the wire inspector" }).click();
  expect(await inspector.count()).toBe(0);
  expect(faults).toEqual([]);
});
