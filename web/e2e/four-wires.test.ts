import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comeIn, keep, launch, say } from "./browser.js";
import { RialtoServer } from "./server.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

let server: RialtoServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Sent over native gRPC; it must be text in every page. */
const markup =
  "from <b>Tripolis</b> <img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/** What a message is to everybody, whatever the wire. */
interface Said {
  readonly seq: number;
  readonly text: string;
}

/** The terminal client, over native gRPC, as a script runs it. */
class Terminal {
  readonly said: Said[] = [];
  private readonly process: ChildProcessWithoutNullStreams;

  constructor(name: string) {
    const url = `grpc://${server.grpcAddress}`;
    const chat = ["chat", "--json", "--follow", "--room", "bridge", "--name", name, "--url", url];
    this.process = spawn("go", ["run", "./cmd/rialto", ...chat, "--token-file", `${server.scratch}/${name}.token`], {
      cwd: repository,
    });
    createInterface(this.process.stdout).on("line", (line) => {
      const { seq, text } = JSON.parse(line) as { seq: number | string; text: string };
      this.said.push({ seq: Number(seq), text });
    });
  }

  say(text: string): void {
    this.process.stdin.write(`${text}\n`);
  }

  close(): void {
    this.process.kill("SIGINT");
  }
}

/** A real grpcurl, talking to the server by reflection. */
class Grpcurl {
  readonly said: Said[] = [];
  private readonly process: ChildProcessWithoutNullStreams;
  private output = "";

  constructor() {
    const tool = ["tool", "-modfile=tools/grpcurl.mod", "grpcurl"];
    const call = ["-plaintext", "-d", "@", server.grpcAddress, "rialto.chat.v1.ChatService/Connect"];
    this.process = spawn("go", [...tool, ...call], { cwd: repository });
    this.process.stdout.on("data", (chunk: Buffer) => this.take(chunk.toString()));
    this.send({ join: { room: "bridge" } });
  }

  say(text: string): void {
    this.send({ publish: { room: "bridge", clientId: `curl-${Date.now()}`, text } });
  }

  /** Half-closes, and resolves with the exit code: the server answers everything and ends with OK. */
  async end(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.process.once("exit", resolve));
    this.process.stdin.end();
    return ended;
  }

  close(): void {
    this.process.kill();
  }

  private send(command: object): void {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** grpcurl prints responses as indented objects, one after another: each ends with a brace at the margin. */
  private take(chunk: string): void {
    this.output += chunk;
    for (let end = this.output.indexOf("\n}\n"); end >= 0; end = this.output.indexOf("\n}\n")) {
      const response = JSON.parse(this.output.slice(0, end + 2)) as {
        events?: { posted?: { seq: string; text: string } }[];
      };
      this.output = this.output.slice(end + 3);
      for (const { posted } of response.events ?? []) {
        if (posted) {
          this.said.push({ seq: Number(posted.seq), text: posted.text });
        }
      }
    }
  }
}

const inPage = (page: Page): Promise<Said[]> =>
  page.locator("article[data-seq]").evaluateAll((rows) =>
    rows.map((row) => ({
      seq: Number(row.getAttribute("data-seq")),
      text: row.querySelector(".message-text")?.textContent ?? "",
    })),
  );

test("browsers, a Go client and grpcurl share a room: the same messages, the same order, the same seq", async () => {
  const ana = await comeIn(browser, `${server.url}/r/bridge`, "Ana");
  const bo = await comeIn(browser, `${server.url}/r/bridge`, "Bo", { colorScheme: "dark" });
  const people = ana.page.getByRole("complementary").getByRole("listitem");
  const grpcurl = new Grpcurl();
  await expect.poll(() => people.count(), { timeout: 60_000 }).toBe(3);
  const terminal = new Terminal("teresa");
  await expect.poll(() => people.count(), { timeout: 60_000 }).toBe(4);
  try {
    await say(ana.page, "What news on the Rialto?");
    terminal.say("a ship has come in");
    grpcurl.say(markup);
    await say(bo.page, "laden with spices");
    const everybody = [() => inPage(ana.page), () => inPage(bo.page), () => terminal.said, () => grpcurl.said];
    for (const seen of everybody) {
      await expect.poll(async () => (await seen()).length, { timeout: 30_000 }).toBe(4);
    }
    const expected = await inPage(ana.page);
    expect(expected.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(expected.map(({ text }) => text).sort()).toEqual(
      ["What news on the Rialto?", "a ship has come in", markup, "laden with spices"].sort(),
    );
    for (const seen of everybody) {
      expect(await seen()).toEqual(expected);
    }
    for (const { page } of [ana, bo]) {
      expect(await page.locator("article :is(script, img, b)").count()).toBe(0);
      expect(await page.title()).not.toContain("owned");
    }
    await keep(ana.page, "four-wires-ana");
    await keep(bo.page, "four-wires-bo");
    expect(await grpcurl.end()).toBe(0);
    expect([...ana.faults, ...bo.faults]).toEqual([]);
  } finally {
    terminal.close();
    grpcurl.close();
  }
});
