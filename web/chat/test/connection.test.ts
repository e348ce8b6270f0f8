import { Code, ConnectError } from "@connectrpc/connect";
import { ChatClient, type ConnectionState, memoryTokens } from "@rialto/chat";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { settle } from "./fake-transport.js";
import { Harness } from "./harness.js";
import { seededRandom } from "./random.js";
import { ana, bo, code, cy, errorReply, respond, status, takeRequests, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the start of a session", () => {
  test("calls Connect while the connection is being made, with the stored token as metadata", async () => {
    const h = new Harness();
    h.tokens.set("secret");
    h.client.connect();
    expect(h.transport.state.status).toBe("connecting");
    expect(h.calls).toHaveLength(1);
    expect(h.call.header.get("authorization")).toBe("Bearer secret");
    expect(h.connection).toEqual({ status: "connecting" });
  });

  test("says hello first, with the name, and joins behind it", async () => {
    const h = new Harness();
    h.client.room("lobby").join();
    h.client.connect();
    const [hello, join, ...rest] = await takeRequests(h.call);
    expect(hello?.command.case).toBe("hello");
    expect(hello?.command.value).toMatchObject({ displayName: "Ana", token: "" });
    expect(join?.command.case).toBe("join");
    expect(rest).toEqual([]);
  });

  test("is live with the welcome, whose token is kept for later", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept(welcome(ana, "fresh"));
    expect(h.client.getSnapshot()).toEqual({
      connection: { status: "live" },
      user: { id: ana.id, name: "Ana", guest: true },
    });
    expect(h.tokens.get()).toBe("fresh");
    await h.lose();
    h.client.connect();
    expect(h.call.header.get("authorization")).toBe("Bearer fresh");
  });

  test("that is not established in time is given up", async () => {
    const h = new Harness();
    h.client.connect();
    h.transport.connected();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unreachable" } });
    expect(h.calls[0]?.aborted).toBe(true);
  });

  test("with a name that the server refuses ends for good, with the server's words", async () => {
    const h = new Harness();
    h.client.connect();
    const [hello] = await takeRequests(h.call);
    await respond(h.call, { replies: [errorReply(hello, status(code.invalidArgument, "display_name: too long"))] });
    expect(h.connection).toEqual({
      status: "closed",
      reason: { code: "refused", text: "display_name: too long" },
    });
    expect(h.transport.state.status).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each<[string, string, (h: Harness) => void]>([
    ["cannot be used from here", "refused", (h) => h.transport.cannotDial()],
    ["does not understand this client", "protocol", (h) => h.transport.lose("refused")],
  ])("at a server that %s ends for good", async (_, reason, refuse) => {
    const h = new Harness();
    h.client.connect();
    refuse(h);
    await settle();
    expect(h.connection).toMatchObject({ status: "closed", reason: { code: reason } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("at an address that is none ends for good", () => {
    const client = new ChatClient({
      baseUrl: "http://[",
      WebSocket: class {
        constructor() {
          throw new Error("no socket is made");
        }
      } as never,
    });
    client.connect();
    expect(client.getSnapshot().connection).toMatchObject({ status: "closed", reason: { code: "refused" } });
  });
});

describe("snapshots", () => {
  test("are the same object until something changes", () => {
    const h = new Harness();
    const before = h.client.getSnapshot();
    expect(h.client.getSnapshot()).toBe(before);
    h.client.connect();
    expect(h.client.getSnapshot()).not.toBe(before);
    expect(before.connection.status).toBe("closed");
  });

  test("are announced to listeners until they unsubscribe, whatever other listeners do", async () => {
    const h = new Harness();
    const states: string[] = [];
    vi.stubGlobal("queueMicrotask", vi.fn());
    h.client.subscribe(() => {
      throw new Error("a listener's fault");
    });
    const unsubscribe = h.client.subscribe(() => states.push(h.connection.status));
    h.client.connect();
    await h.accept();
    unsubscribe();
    h.client.close();
    expect(states).toEqual(["connecting", "live"]);
  });
});

describe("the connection", () => {
  test.each([
    ["unreachable", "unreachable", "The server cannot be reached."],
    ["lost", "lost", "The connection was lost."],
    ["silent", "silent", "The server does not answer."],
    ["going-away", "unavailable", "The server is restarting or busy."],
  ] as const)(
    "that is %s is said to be so, with the moment and the number of the next try",
    async (loss, reason, text) => {
      const h = new Harness();
      h.client.connect();
      if (loss !== "unreachable") {
        await h.accept();
      }
      await h.lose(loss, 750);
      expect(h.connection).toEqual({
        status: "reconnecting",
        retryAt: Date.now() + 750,
        attempt: 1,
        reason: { code: reason, text },
      });
      h.transport.retry();
      expect(h.connection).toEqual({ status: "connecting" });
      await h.lose("unreachable", 1500);
      expect(h.connection).toMatchObject({ retryAt: Date.now() + 1500, attempt: 2, reason: { code: "unreachable" } });
    },
  );

  test("that is made again carries a new call at once", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.lose();
    expect(h.calls).toHaveLength(1);
    h.transport.retry();
    expect(h.calls).toHaveLength(2);
    await h.accept();
    expect(h.connection.status).toBe("live");
  });

  test("is tried at once on connect()", async () => {
    const h = new Harness();
    h.client.connect();
    await h.lose("unreachable");
    h.client.connect();
    expect(h.connection).toEqual({ status: "connecting" });
    expect(h.calls).toHaveLength(2);
    h.client.connect();
    expect(h.calls).toHaveLength(2);
  });

  test("is replaced by another without a break where the server lets it finish", async () => {
    const h = new Harness();
    h.client.connect();
    const old = await h.accept();
    const states: string[] = [];
    h.client.subscribe(() => states.push(h.connection.status));
    h.transport.goAway();
    h.transport.retry();
    h.transport.connected();
    await settle();
    expect(h.connection.status).toBe("live");
    expect(h.calls).toHaveLength(1);
    old.finish(new ConnectError("the connection went away", Code.Unavailable));
    await settle();
    expect(h.calls).toHaveLength(2);
    await h.accept();
    expect(states).toEqual(["connecting", "live"]);
  });

  test("that refuses each call at once is not asked without a pause", async () => {
    const h = new Harness();
    h.client.connect();
    h.transport.connected();
    h.call.finish(new ConnectError("not now", Code.Unavailable));
    await settle();
    expect(h.calls).toHaveLength(1);
    expect(h.connection.status).toBe("reconnecting");
  });
});

/** Lets the server end the present call, and returns how long the client waits before the next, in ms. */
async function endAndMeasure(h: Harness): Promise<number> {
  await h.end(code.internal);
  const { connection } = h;
  if (connection.status !== "reconnecting") {
    throw new Error(`expected to wait, is ${connection.status}`);
  }
  const delay = connection.retryAt - Date.now();
  await vi.advanceTimersByTimeAsync(delay + 1);
  return delay;
}

describe("a call that the server ends", () => {
  test("is followed by another after a random part of a ceiling that doubles from 0.5 s to 30 s", async () => {
    const h = new Harness({ random: () => 0.999_999 });
    h.client.connect();
    h.transport.connected();
    const delays: number[] = [];
    for (let i = 0; i < 9; i++) {
      delays.push(Math.ceil(await endAndMeasure(h)));
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("spreads clients out: every delay lies below its ceiling, and they differ", async () => {
    const random = seededRandom(7);
    const first = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const h = new Harness({ random });
      h.client.connect();
      h.transport.connected();
      const delay = await endAndMeasure(h);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThan(500);
      first.add(Math.round(delay));
      h.client.close();
    }
    expect(first.size).toBeGreaterThan(50);
  });

  test("counts from the last session that lasted, not from one that broke at once", async () => {
    const h = new Harness({ random: () => 0.5 });
    const attempt = () => (h.connection.status === "reconnecting" ? h.connection.attempt : undefined);
    h.client.connect();
    for (const expected of [1, 2, 3]) {
      await h.accept();
      await h.end(code.internal);
      expect(attempt()).toBe(expected);
      await vi.advanceTimersByTimeAsync(2000);
    }
    await h.accept();
    await vi.advanceTimersByTimeAsync(10_000);
    await h.end(code.internal);
    expect(attempt()).toBe(1);
  });

  test("is not repeated before the server asks for it, and not much later", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.end(code.unavailable, "draining", { retryAfterMs: 4000 });
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unavailable" } });
    // Meanwhile the connection goes away too, and comes back.
    await h.lose("going-away");
    h.transport.retry();
    h.transport.connected();
    await vi.advanceTimersByTimeAsync(3999);
    expect(h.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(501);
    expect(h.calls).toHaveLength(2);
  });

  test("waits for the connection, when its time comes and there is none", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.end(code.unavailable, "draining");
    await h.lose("unreachable", 60_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(h.calls).toHaveLength(1);
    expect(h.connection).toMatchObject({ status: "reconnecting", retryAt: Date.now() + 59_000 });
    h.transport.retry();
    expect(h.calls).toHaveLength(2);
  });

  test("is repeated at once on connect()", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.end(code.internal);
    h.client.connect();
    expect(h.calls).toHaveLength(2);
  });

  test.each([
    ["OK, which nobody asked for", 0],
    ["UNKNOWN", 2],
    ["RESOURCE_EXHAUSTED", 8],
    ["ABORTED", 10],
    ["INTERNAL", 13],
    ["UNAVAILABLE", 14],
  ])("with %s is followed by another", async (_, grpcCode) => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.end(grpcCode);
    expect(h.connection.status).toBe("reconnecting");
  });

  test.each([
    ["INVALID_ARGUMENT", 3],
    ["PERMISSION_DENIED", 7],
    ["UNIMPLEMENTED", 12],
  ])("with %s is not: no timer and no connection is left", async (_, grpcCode) => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    await h.end(grpcCode, "no");
    expect(h.connection).toEqual({ status: "closed", reason: { code: "refused", text: "no" } });
    expect(h.transport.state.status).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("for an answer that cannot be decoded is followed by another", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    h.call.finish(new ConnectError("premature EOF", Code.Internal));
    await settle();
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "protocol" } });
  });
});

describe("a refused token", () => {
  test("is forgotten, and a new guest starts at once under the same name", async () => {
    const h = new Harness();
    h.tokens.set("stale");
    h.client.connect();
    await h.end(code.unauthenticated, "invalid token");
    expect(h.calls).toHaveLength(2);
    expect(h.tokens.get()).toBeUndefined();
    expect(h.call.header.has("authorization")).toBe(false);
    const [hello] = await takeRequests(h.call);
    expect(hello?.command.value).toMatchObject({ displayName: "Ana", token: "" });
    await respond(h.call, { events: [welcome(bo, "new")] });
    expect(h.tokens.get()).toBe("new");
  });

  test("of several tabs makes one guest of all, not one of each", async () => {
    const tokens = memoryTokens("stale");
    const [first, second, third] = [new Harness({ tokens }), new Harness({ tokens }), new Harness({ tokens })];
    for (const { client } of [first, second, third]) {
      client.connect();
    }
    await first.end(code.unauthenticated, "invalid token");
    await second.end(code.unauthenticated, "invalid token");
    await first.accept(welcome(bo, "of the first"));
    // One hears of the refusal when there is another token already.
    await third.end(code.unauthenticated, "invalid token");
    expect(third.call.header.get("authorization")).toBe("Bearer of the first");
    expect(tokens.get()).toBe("of the first");
    // One was about to be somebody else.
    const late = await second.accept(welcome(cy, "of the second"));
    expect(late).toBe(second.calls[2]);
    expect([late.header.get("authorization"), tokens.get()]).toEqual(["Bearer of the first", "of the first"]);
    expect(second.client.getSnapshot().user).toBeUndefined();
    await second.accept(welcome(bo));
    expect(second.client.getSnapshot()).toMatchObject({ connection: { status: "live" }, user: { id: bo.id } });
  });

  test("that is kept all the same is tried once more at once, and then after longer and longer", async () => {
    const h = new Harness({ tokens: { get: () => "fixed", set: () => undefined, clear: () => undefined } });
    h.client.connect();
    await h.end(code.unauthenticated, "invalid token");
    expect(h.calls).toHaveLength(2);
    await h.end(code.unauthenticated, "invalid token");
    expect(h.calls).toHaveLength(2);
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "refused", text: "invalid token" } });
    await vi.advanceTimersByTimeAsync(500);
    expect(h.calls).toHaveLength(3);
    expect(h.call.header.get("authorization")).toBe("Bearer fixed");
    await h.accept();
    expect(h.connection.status).toBe("live");
  });

  test("is not asked for twice: without one the refusal is final", async () => {
    const h = new Harness();
    h.client.connect();
    await h.end(code.unauthenticated, "no guests here");
    expect(h.connection).toEqual({ status: "closed", reason: { code: "refused", text: "no guests here" } });
  });
});

describe("a page", () => {
  /** A browser's globals as far as the SDK looks at them. */
  function stubPage() {
    const page = { window: new EventTarget(), navigator: { onLine: true } };
    vi.stubGlobal("window", page.window);
    vi.stubGlobal("navigator", page.navigator);
    return page;
  }

  test("without a network says so, and that it is back", async () => {
    const { window, navigator } = stubPage();
    const h = new Harness();
    const seen: ConnectionState["status"][] = [];
    h.client.subscribe(() => seen.push(h.connection.status));
    h.client.connect();
    await h.accept();
    navigator.onLine = false;
    window.dispatchEvent(new Event("offline"));
    expect(h.connection.status, "what works, works").toBe("live");
    await h.lose();
    expect(h.connection).toEqual({ status: "offline" });
    h.transport.retry();
    expect(h.calls, "it is tried all the same").toHaveLength(2);
    await h.lose("unreachable");
    expect(h.connection).toEqual({ status: "offline" });
    navigator.onLine = true;
    window.dispatchEvent(new Event("online"));
    expect(h.connection.status).toBe("reconnecting");
    h.transport.retry();
    await h.accept();
    expect([...new Set(seen)]).toEqual(["connecting", "live", "offline", "reconnecting"]);
  });

  test("is left without listeners by close()", async () => {
    const { window } = stubPage();
    const added = vi.spyOn(window, "addEventListener");
    const removed = vi.spyOn(window, "removeEventListener");
    const h = new Harness();
    h.client.connect();
    await h.accept();
    h.client.close();
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed.mock.calls).toEqual(added.mock.calls);
  });
});

describe("close()", () => {
  test.each<[string, (h: Harness) => unknown]>([
    ["connecting", () => undefined],
    ["live", (h) => h.accept()],
    ["waiting for a connection", (h) => h.lose()],
    ["waiting for the next call", (h) => h.end(code.internal)],
  ])("while %s leaves no connection, timer or listener", async (_, prepare) => {
    const h = new Harness();
    h.client.room("lobby").join();
    h.client.connect();
    await prepare(h);
    h.client.room("lobby").send("hello");
    h.client.room("lobby").markRead(1);
    h.client.room("lobby").markRead(2);
    h.client.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(h.connection).toEqual({ status: "closed", reason: { code: "closed-by-client", text: "Disconnected." } });
    expect(h.transport.state.status).toBe("closed");
    expect(h.transport.listenerCount).toBe(0);
    await settle();
    expect(h.transports).toHaveLength(1);
  });

  test("in a listener that hears of a loss is obeyed", async () => {
    const h = new Harness();
    h.client.room("lobby").join();
    h.client.connect();
    await h.accept();
    h.client.room("lobby").subscribe(() => h.client.close());
    await h.lose();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(h.transports).toHaveLength(1);
    expect(h.calls).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("can be followed by connect()", async () => {
    const h = new Harness();
    h.client.connect();
    await h.accept();
    h.client.close();
    h.client.connect();
    expect(h.transports).toHaveLength(2);
    await h.accept();
    expect(h.connection.status).toBe("live");
  });
});

test("an option without a default is missed by name", () => {
  expect(() => new ChatClient()).toThrow(new TypeError("ChatClient: there is no default for baseUrl here"));
  vi.stubGlobal("WebSocket", undefined);
  const options = { baseUrl: "wss://chat.example" };
  expect(() => new ChatClient(options)).toThrow(new TypeError("ChatClient: there is no default for WebSocket here"));
});

test("setDisplayName calls again under the same identity", async () => {
  const h = new Harness();
  h.client.connect();
  const first = await h.accept(welcome(ana, "mine"));
  h.client.setDisplayName("Anna");
  expect(h.calls).toHaveLength(2);
  expect(first.aborted).toBe(true);
  expect(h.call.header.get("authorization")).toBe("Bearer mine");
  const [hello] = await takeRequests(h.call);
  expect(hello?.command.value).toMatchObject({ displayName: "Anna" });
  h.client.setDisplayName("Anna");
  expect(h.calls).toHaveLength(2);
});

test("signals are dropped while the network is congested, and commands are not", async () => {
  const h = new Harness();
  const { room, call } = await h.joinLobby();
  await takeRequests(call);
  call.congest();
  const texts = Array.from({ length: 18 }, (_, i) => `message ${i}`);
  for (const text of texts) {
    room.send(text);
  }
  await settle();
  room.setTyping(true);
  call.resume();
  await settle();
  const commands = (await takeRequests(call)).map(({ command }) => command.case);
  expect(commands).toEqual(texts.map(() => "publish"));
});
