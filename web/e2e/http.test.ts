import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, open } from "./browser.js";
import { RialtoServer } from "./server.js";

let server: RialtoServer;
let browser: Browser;
let friend: Server;
let stranger: Server;

beforeAll(async () => {
  [friend, stranger] = await Promise.all([emptySite(), emptySite()]);
  process.env["RIALTO_ALLOWED_ORIGINS"] = origin(friend);
  [server, browser] = await Promise.all([RialtoServer.start(), launch()]);
  delete process.env["RIALTO_ALLOWED_ORIGINS"];
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  friend?.close();
  stranger?.close();
});

/** A site with an empty page, of another origin than Rialto. */
function emptySite(): Promise<Server> {
  return new Promise((resolve) => {
    const site = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>"));
    site.listen(0, "127.0.0.1", () => resolve(site));
  });
}

const origin = (site: Server) => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

const transports: [string, (interceptors: Interceptor[]) => Transport][] = [
  ["Connect, JSON", (interceptors) => createConnectTransport({ baseUrl: server.url, interceptors })],
  [
    "Connect, protobuf",
    (interceptors) => createConnectTransport({ baseUrl: server.url, useBinaryFormat: true, interceptors }),
  ],
  ["gRPC-Web", (interceptors) => createGrpcWebTransport({ baseUrl: server.url, interceptors })],
];

describe.each(transports)("connect-web by %s", (name, create) => {
  /** Comes in as somebody new. */
  async function comeIn(): Promise<Transport> {
    const { guestToken } = await createClient(ChatService, create([])).createGuest({ displayName: name });
    return create([
      (next) => (request) => {
        request.header.set("Authorization", `Bearer ${guestToken}`);
        return next(request);
      },
    ]);
  }

  test("posts, lists, and follows a room", async () => {
    const transport = await comeIn();
    const messages = createClient(MessageService, transport);
    const text = `hello by ${name}`;
    const posted = await messages.postMessage({ room: "http", clientId: name, body: { case: "text", value: text } });
    const page = await messages.listMessages({ room: "http", pageSize: 1 });
    expect(page.messages.map(({ body }) => body.value)).toEqual([text]);

    const leaving = new AbortController();
    const seen: (string | undefined)[] = [];
    const following = (async () => {
      const rooms = [{ room: "http", start: { case: "history" as const, value: 1 } }];
      for await (const { events } of createClient(ChatService, transport).subscribe({ rooms }, leaving)) {
        for (const { kind } of events) {
          if (kind.case === "snapshot") {
            seen.push(...kind.value.messages.map(({ seq }) => `snapshot ${seq}`));
            await messages.postMessage({ room: "http", clientId: `${name} 2`, body: { case: "text", value: "more" } });
          } else if (kind.case === "posted") {
            seen.push(`posted ${kind.value.seq}`);
            leaving.abort();
          }
        }
      }
    })();
    await expect(following).rejects.toMatchObject({ code: Code.Canceled });
    const seq = posted.message?.seq ?? 0n;
    expect(seen).toEqual([`snapshot ${seq}`, `posted ${seq + 1n}`]);
  });

  test("sees errors whole", async () => {
    const nowhere = createClient(RoomService, create([])).getRoom({ room: "nowhere" });
    await expect(nowhere).rejects.toMatchObject({ code: Code.NotFound, rawMessage: "no such room" });

    const messages = createClient(MessageService, await comeIn());
    const bad = await messages.listMessages({ room: "No Room" }).catch(ConnectError.from);
    expect(bad).toMatchObject({ code: Code.InvalidArgument });
    expect((bad as ConnectError).details.map((detail) => "type" in detail && detail.type)).toEqual([
      "google.rpc.BadRequest",
    ]);
  });

  test("keeps its deadline", async () => {
    const rooms = [{ room: "http" }];
    const events = createClient(ChatService, await comeIn()).subscribe({ rooms }, { timeoutMs: 300 });
    const end = (async () => {
      for await (const _ of events) {
        // The room is quiet.
      }
    })();
    await expect(end).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  });
});

/** Calls a method from a page of a site, with metadata of its own; says what the page could see. */
async function callFrom(site: Server): Promise<string> {
  const { page } = await open(browser, origin(site));
  const said = await page.evaluate(async (url) => {
    try {
      const response = await fetch(`${url}/rialto.chat.v1.RoomService/GetRoom`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Any": "1", Authorization: "Bearer x" },
        body: '{"room":"nowhere"}',
      });
      return `${response.status} ${response.headers.get("Accept-Encoding")} ${await response.text()}`;
    } catch (error) {
      return String(error);
    }
  }, server.url);
  await page.context().close();
  return said;
}

describe("a page of another origin in Chromium", () => {
  test("makes calls with metadata and reads all of the answer if it is allowed to", async () => {
    expect(await callFrom(friend)).toMatch(/^401 gzip {"code":"unauthenticated"/);
  });

  test("learns nothing if it is not", async () => {
    expect(await callFrom(stranger)).toBe("TypeError: Failed to fetch");
  });
});
