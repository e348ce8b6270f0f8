import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Actor } from "./actor.js";
import { now, type Scene } from "./scene.js";
import { showMoments } from "./shown-time.js";

/** Opens the application as somebody of the scene, at a path, and waits for the room's messages. */
export async function enter(
  browser: Browser,
  address: string,
  actor: Actor,
  scene: Scene,
  options: BrowserContextOptions & { readonly preferences?: Readonly<Record<string, unknown>> } = {},
): Promise<Page> {
  const { preferences, ...rest } = options;
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "Europe/Rome",
    viewport: { width: 1280, height: 760 },
    reducedMotion: "reduce",
    serviceWorkers: "block",
    ...rest,
  });
  await showMoments(context, scene.moments, now);
  await context.addInitScript(
    ({ token, stored }) => {
      if (localStorage.getItem("rialto.preferences") === null) {
        localStorage.setItem("rialto.token", token);
        localStorage.setItem("rialto.preferences", stored);
      }
    },
    { token: actor.token, stored: JSON.stringify({ name: actor.name, ...preferences }) },
  );
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(address);
  return page;
}

/** Resolves when nothing moves any more: fonts are there, what loads later has come, and no animation runs. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => undefined)));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
}

/** Keeps a picture in a directory, given from the repository's root. */
export async function picture(page: Page, directory: string, name: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../${directory}/`, import.meta.url));
  mkdirSync(path, { recursive: true });
  await settled(page);
  await page.screenshot({ path: `${path}${name}.png`, caret: "initial", animations: "disabled" });
}
