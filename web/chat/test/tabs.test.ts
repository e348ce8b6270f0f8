import { Code, type ConnectError } from "@connectrpc/connect";
import { ChatClient, memoryTokens, type Room } from "@rialto/chat";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GuestLink } from "../src/tabs/guest-link.js";
import { SharedTransport } from "../src/tabs/shared-transport.js";
import { FakeBrowser, type FakeTab } from "./fake-browser.js";
import { FakeTransport, settle, wireError } from "./fake-transport.js";
import { seededRandom } from "./random.js";
import { ana, code, joinResult, message, posted, respond, snapshot, status, takeRequests, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A browser whose tabs each have a client; the connections of all of them are the test's. */
class Tabs {
  readonly browser = new FakeBrowser();
  readonly transports: FakeTransport[] = [];

  open(): { readonly tab: FakeTab; readonly client: ChatClient; readonly room: Room } {
    const tab = this.browser.openTab();
    const client = new ChatClient({
      baseUrl: "wss://chat.example",
      tokens: memoryTokens("token"),
      random: seededRandom(1),
      transport: () =>
        new SharedTransport(
          "rialto",
          () => {
            const transport = new FakeTransport();
            this.transports.push(transport);
            return transport;
          },
          tab,
        ),
    });
    return { tab, client, room: client.room("lobby") };
  }

  /** Opens a tab whose client is in the lobby. */
  async join({ lockDelay = 0 } = {}) {
    const opened = this.open();
    opened.tab.lockDelay = lockDelay;
    opened.room.join();
    opened.client.connect();
    await settle();
    const call = await this.accept();
    return { ...opened, call };
  }

  /** Welcomes the newest call on the newest connection to the lobby. */
  async accept() {
    await settle();
    const transport = this.transports.at(-1);
    transport?.connected();
    await settle();
    const call = transport?.calls.at(-1);
    if (!call) {
      throw new Error("nobody calls");
    }
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    const events = [welcome(ana), snapshot([message(1)])];
    await respond(call, { events, replies: [joinResult(join, 1)] });
    await settle();
    return call;
  }
}

const statusOf = (client: ChatClient) => client.getSnapshot().connection.status;

const texts = (room: Room) => room.getSnapshot().messages.map(({ text }) => text);

describe("tabs of one browser", () => {
  test("have one connection, on which each has a session of its own", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    expect(tabs.transports).toHaveLength(1);
    expect(tabs.transports[0]?.calls).toHaveLength(2);
    expect(second.call.header.get("authorization")).toBe("Bearer token");
    expect([first, second].map(({ client }) => statusOf(client))).toEqual(["live", "live"]);

    second.room.send("from the guest");
    await settle();
    const [publish] = await takeRequests(second.call);
    expect(publish?.command.value).toMatchObject({ room: "lobby", body: { value: "from the guest" } });
    for (const { call } of [first, second]) {
      await respond(call, { events: [posted(2)] });
    }
    await settle();
    expect([texts(first.room), texts(second.room)]).toEqual([
      ["message 1", "message 2"],
      ["message 1", "message 2"],
    ]);
  });

  test("are not taken for gone while they are still coming", async () => {
    const tabs = new Tabs();
    await tabs.join();
    const slow = await tabs.join({ lockDelay: 15 });
    await settle();
    expect(slow.call.aborted).toBe(false);
    expect(statusOf(slow.client)).toBe("live");
  });

  test("make their unary calls on it, whose errors arrive whole", async () => {
    const tabs = new Tabs();
    await tabs.join();
    const second = await tabs.join();
    const made = second.client.createRoom({ id: "attic", title: "The attic" });
    await settle();
    const unary = tabs.transports[0]?.unaries.at(-1);
    expect(unary).toMatchObject({ timeoutMs: 15_000, request: { room: "attic", title: "The attic" } });
    unary?.answer({ room: { id: "attic", title: "The attic" } });
    await expect(made).resolves.toMatchObject({ id: "attic" });

    const refused = expect(second.client.createRoom({ id: "No", title: "" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "bad id",
      violations: [{ field: "room" }],
    });
    await settle();
    tabs.transports[0]?.unaries.at(-1)?.fail(wireError(status(code.invalidArgument, "bad id", { field: "room" })));
    await refused;
  });

  test("hear how the connection is, and why it is not", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    tabs.transports[0]?.lose("silent", 5000);
    await settle();
    const [here, there] = [first, second].map(({ client }) => client.getSnapshot().connection);
    expect(here).toMatchObject({ status: "reconnecting", reason: { code: "silent" } });
    expect(there).toEqual(here);
    // Whoever is looked at hurries.
    second.client.connect();
    await settle();
    expect(tabs.transports[0]?.state.status).toBe("connecting");
    expect(tabs.transports[0]?.calls).toHaveLength(4);
  });

  test("do without the tab that has it: another takes over, and resumes", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    const third = await tabs.join();
    first.tab.close();
    await settle();
    expect(tabs.transports).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1000);
    const next = tabs.transports[1];
    next?.connected();
    await settle();
    expect(next?.calls).toHaveLength(2);
    for (const call of next?.calls ?? []) {
      const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
      expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 1n } } });
      await respond(call, { events: [welcome(ana), posted(2)], replies: [joinResult(join, 2, { resumed: true })] });
    }
    await settle();
    for (const { client, room } of [second, third]) {
      expect(statusOf(client)).toBe("live");
      expect(texts(room)).toEqual(["message 1", "message 2"]);
    }
  });

  test("take over too when its client is closed, which the others do not notice otherwise", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    first.client.close();
    await settle();
    expect(tabs.transports.map(({ state }) => state.status)).toEqual(["closed", "connecting"]);
    expect(statusOf(first.client)).toBe("closed");
    await tabs.accept();
    expect(statusOf(second.client)).toBe("live");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("do not keep the calls of one that is gone", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    const third = await tabs.join();
    second.client.close();
    third.tab.close();
    await settle();
    expect([first, second, third].map(({ call }) => call.aborted)).toEqual([false, true, true]);
    expect(tabs.transports).toHaveLength(1);
    expect(statusOf(first.client)).toBe("live");
  });

  test("wait for no tab that has connected for nobody: the first that is wanted connects", async () => {
    const tabs = new Tabs();
    const idle = tabs.open();
    const list = idle.client.listRooms().catch(() => undefined);
    await settle();
    expect(tabs.transports[0]?.state.status).toBe("idle");
    const second = await tabs.join();
    expect(tabs.transports).toHaveLength(1);
    expect(statusOf(second.client)).toBe("live");
    idle.client.close();
    await list;
  });
});

test.each(["locks", "channels"] as const)(
  "where the browser forbids %s each tab has a connection of its own",
  async (what) => {
    const tabs = new Tabs();
    tabs.browser.forbids = what;
    const first = await tabs.join();
    const second = await tabs.join();
    expect(tabs.transports).toHaveLength(2);
    expect([first, second].map(({ client }) => statusOf(client))).toEqual(["live", "live"]);
    const unary = second.client.listRooms();
    await settle();
    tabs.transports[1]?.unaries.at(-1)?.answer({ rooms: [] });
    await expect(unary).resolves.toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tabs.transports).toHaveLength(2);
    for (const { client } of [first, second]) {
      client.close();
    }
    expect([tabs.browser.channels.size, vi.getTimerCount()]).toEqual([0, 0]);
  },
);

describe("a host that is frozen", () => {
  /** Tells the page that somebody looks at it. */
  function stubPage() {
    const page = {
      window: new EventTarget(),
      document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
    };
    vi.stubGlobal("window", page.window);
    vi.stubGlobal("document", page.document);
    return page;
  }

  test("is replaced by the guest that somebody looks at, and is its guest when it wakes up", async () => {
    const { document } = stubPage();
    const tabs = new Tabs();
    const first = await tabs.join();
    const second = await tabs.join();
    document.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(tabs.transports, "one that answers stays").toHaveLength(1);

    first.tab.freeze();
    document.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(3000);
    expect(tabs.transports).toHaveLength(2);
    await tabs.accept();
    expect(statusOf(second.client)).toBe("live");

    await first.tab.thaw();
    await settle();
    expect(tabs.transports[0]?.state.status).toBe("closed");
    await tabs.accept();
    expect(tabs.transports).toHaveLength(2);
    expect(tabs.transports[1]?.calls).toHaveLength(2);
    expect(statusOf(first.client)).toBe("live");
  });

  test("is replaced by no guest that is hidden when the network is back", async () => {
    const { window, document } = stubPage();
    const tabs = new Tabs();
    const first = await tabs.join();
    await tabs.join();
    document.visibilityState = "hidden";
    first.tab.freeze();
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(tabs.transports).toHaveLength(1);
  });

  test("is replaced by a tab that is new", async () => {
    const tabs = new Tabs();
    const first = await tabs.join();
    first.tab.freeze();
    const second = tabs.open();
    second.room.join();
    second.client.connect();
    await settle();
    expect(statusOf(second.client)).toBe("connecting");
    await vi.advanceTimersByTimeAsync(3000);
    expect(tabs.transports).toHaveLength(2);
    await tabs.accept();
    expect(statusOf(second.client)).toBe("live");
  });
});

test("a guest that is frozen holds up its own calls only, and not without end", async () => {
  const tabs = new Tabs();
  const first = await tabs.join();
  const second = await tabs.join();
  second.tab.freeze();
  const events = Array.from({ length: 100 }, (_, i) => posted(i + 2));
  for (const { call } of [first, second]) {
    for (const event of events) {
      await respond(call, { events: [event] });
    }
  }
  expect(texts(first.room)).toHaveLength(101);
  // 32 are on their way, one waits for credit: the rest stays with the server.
  expect(second.call.untaken).toBeGreaterThan(60);
  await second.tab.thaw();
  for (let i = 0; i < 20; i++) {
    await settle();
  }
  expect(texts(second.room)).toHaveLength(101);
});

test("a guest's calls fail as a broken connection does when its host is gone", async () => {
  const tabs = new Tabs();
  const first = await tabs.join();
  const second = await tabs.join();
  const rejected = expect(second.client.listRooms()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await settle();
  first.tab.close();
  await rejected;
});

test("an address that is none ends the session for good", async () => {
  const client = new ChatClient({
    baseUrl: "wss://chat.example",
    transport: () =>
      new SharedTransport(
        "rialto",
        () => {
          throw new TypeError("Invalid URL");
        },
        new FakeBrowser().openTab(),
      ),
  });
  client.connect();
  await settle();
  expect(client.getSnapshot().connection).toMatchObject({ status: "closed", reason: { code: "refused" } });
  expect(vi.getTimerCount()).toBe(0);
});

test("a method that a host with another version does not know fails its call alone", async () => {
  const tabs = new Tabs();
  const first = await tabs.join();
  const second = await tabs.join();
  const [, transport] = [first, second].map(({ tab }) => new SharedTransport("rialto", () => new FakeTransport(), tab));
  const listRooms = {
    ...(await import("@rialto/gen/rialto/chat/v1/room_pb")).RoomService.method.listRooms,
    name: "New",
  };
  const call = transport?.unary(listRooms, undefined, undefined, undefined, {});
  await settle();
  await expect(call).rejects.toMatchObject({ code: Code.Unimplemented } satisfies Partial<ConnectError>);
  transport?.close();
});

test("a call whose host is gone gives what had come, and then ends with UNAVAILABLE", async () => {
  const tab = new FakeBrowser().openTab();
  const guest = new tab.BroadcastChannel("pair");
  const host = new tab.BroadcastChannel("pair");
  const link = new GuestLink("host", guest, { told: () => undefined, silent: () => undefined });
  const options = { signal: undefined, timeoutMs: undefined, header: undefined };
  const responses = link.stream(ChatService.method.subscribe, (async function* () {})(), options);
  const first = responses.next();
  for (let i = 0; i < 2; i++) {
    host.postMessage({ kind: "message", call: 1, bytes: new Uint8Array() });
  }
  await first;
  link.close();
  expect((await responses.next()).done).toBe(false);
  await expect(responses.next()).rejects.toMatchObject({ code: Code.Unavailable } satisfies Partial<ConnectError>);
  const late = link.unary(ChatService.method.createGuest, {}, options);
  await expect(late).rejects.toMatchObject({ code: Code.Unavailable } satisfies Partial<ConnectError>);
});

test("a call that has ended holds on to its caller's signal no more, whatever ended it", async () => {
  const tab = new FakeBrowser().openTab();
  const guest = new tab.BroadcastChannel("pair");
  const host = new tab.BroadcastChannel("pair");
  const link = new GuestLink("host", guest, { told: () => undefined, silent: () => undefined });
  const { signal } = new AbortController();
  const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
  const calls = [1, 2].map(() =>
    link.unary(ChatService.method.createGuest, {}, { signal, timeoutMs: undefined, header: undefined }),
  );
  host.postMessage({ kind: "message", call: 1, bytes: new Uint8Array() });
  host.postMessage({ kind: "end", call: 1 });
  await calls[0];
  expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([2, 1]);
  link.close();
  await expect(calls[1]).rejects.toMatchObject({ code: Code.Unavailable } satisfies Partial<ConnectError>);
  expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener));
});
