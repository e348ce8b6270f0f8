import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const results = fileURLToPath(new URL("../test-results/", import.meta.url));

/** Starts Debian's Chromium. Throws, with what to do, where there is none: browser tests are never skipped. */
export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}

function findChromium(): string {
  try {
    const script = "command -v chromium-headless-shell || command -v chromium";
    return execFileSync("sh", ["-c", script], { encoding: "utf8" }).trim();
  } catch {
    throw new Error("no chromium-headless-shell and no chromium: apt-get install chromium-headless-shell");
  }
}

/** A browser as phones have it. */
export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Somebody with a browser of their own. */
export interface Person {
  readonly page: Page;
  /** What went wrong in the page: uncaught errors, refusals of the Content-Security-Policy, dialogs. */
  readonly faults: string[];
}

/** Opens a page of the application in a fresh browser context. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/content security policy|trusted ?type|uncaught/i.test(message.text())) {
      faults.push(message.text());
    }
  });
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, faults };
}

/** Opens the application and comes in under a name. Resolves once the room is there. */
export async function comeIn(
  browser: Browser,
  url: string,
  name: string,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const person = await open(browser, url, options);
  await person.page.getByLabel("Your name").fill(name);
  await person.page.getByRole("button", { name: "Come in" }).click();
  await person.page.getByText("Beginning of").or(person.page.locator("article")).first().waitFor();
  return person;
}

/** Types a message and sends it. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: /^Message / }).fill(text);
  await page.keyboard.press("Enter");
}

/** Waits until `look` returns what equals `expected`, which may be or hold matchers such as expect.stringMatching. */
export async function eventually<T>(look: () => T | Promise<T>, expected: unknown): Promise<void> {
  await expect.poll(look, { timeout: 15_000 }).toEqual(expected);
}

/**
 * From now on the person looks at something else and wants notifications, which are kept instead of shown. Returns how to see them:
 * "title: body".
 */
export async function lookElsewhere(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const shown: string[] = [];
    class FakeNotification {
      static permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      onclick: (() => void) | null = null;
      constructor(title: string, { body }: { body: string }) {
        shown.push(`${title}: ${body}`);
      }
      close() {}
    }
    Object.assign(window, { Notification: FakeNotification, shown });
    document.hasFocus = () => false;
  });
  await page.getByRole("button", { name: /: settings$/ }).click();
  await page.getByLabel("Show them while I look elsewhere").check();
  await page.keyboard.press("Escape");
  return () => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
}

/** Keeps a picture of a page in web/test-results. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(results, { recursive: true });
  await page.screenshot({ path: `${results}${name}.png` });
}
