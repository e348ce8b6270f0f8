import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { build, type Rollup } from "vite";
import type { conformancePage } from "./page.js";

declare global {
  interface Window {
    readonly conformancePage: typeof conformancePage;
  }
}

/** The client under test in a page of a browser. */
export class BrowserCaller {
  /** The page's, which the bridges must admit. */
  readonly origin: string;
  private readonly page: Page;
  private readonly server: Server;

  private constructor(page: Page, server: Server, origin: string) {
    this.page = page;
    this.server = server;
    this.origin = origin;
  }

  static async open(browser: Browser, descriptors: Uint8Array): Promise<BrowserCaller> {
    const script = await bundle();
    const server = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : '<!doctype html><script type="module" src="page.js"></script>');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const page = await browser.newPage();
    await page.goto(origin);
    await page.evaluate((encoded) => window.conformancePage.start(encoded), toBase64(descriptors));
    return new BrowserCaller(page, server, origin);
  }

  /** As `Caller.answer`. */
  async answer(baseUrl: string, request: Uint8Array): Promise<Uint8Array> {
    const answer = await this.page.evaluate(([url, encoded]) => window.conformancePage.answer(url, encoded), [
      baseUrl,
      toBase64(request),
    ] as const);
    return Buffer.from(answer, "base64");
  }

  async close(): Promise<void> {
    await this.page.close();
    this.server.close();
  }
}

async function bundle(): Promise<string> {
  const { output } = (await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: fileURLToPath(new URL("page.ts", import.meta.url)) },
    },
  })) as Rollup.RollupOutput;
  return output[0].code;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
