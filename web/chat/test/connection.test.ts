import { ChatClient, type ConnectionState } from "@rialto/chat";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeSocket } from "./fake-socket.js";
import { Harness } from "./harness.js";
import { seededRandom } from "./random.js";
import { ana, bo, code, drainFrame, errorReply, respond, status, takeRequests, welcome } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets the present try fail, and returns how long the client waits for the next, in ms. */
function failAndMeasure(h: Harness): number {
  h.socket.end(1006);
  const { connection } = h;
  if (connection.status !== "reconnecting") {
    throw new Error(`expected to wait, is ${connection.status}`);
  }
  const delay = connection.retryAt - Date.now();
  vi.advanceTimersByTime(delay + 1);
  return delay;
}

describe("the start of a session", () => {
  test("opens the Connect method in plain protobuf mode, without a token in the address", () => {
    const h = new Harness();
    h.tokens.set("secret");
    h.client.connect();
    expect(h.socket.url).toBe("wss://chat.example/rialto.chat.v1.ChatService/Connect?encoding=proto");
    expect(h.socket.protocols).toEqual(["rialto.plain.v1"]);
    expect(h.socket.binaryType).toBe("arraybuffer");
    expect(h.connection).toEqual({ status: "connecting" });
  });

  test("says hello first, with the stored token and the name, and joins behind it", () => {
    const h = new Harness();
    h.tokens.set("secret");
    h.client.room("lobby").join();
    h.client.connect();
    h.socket.open();
    const [hello, join, ...rest] = takeRequests(h.socket);
    expect(hello?.command.case).toBe("hello");
    expect(hello?.command.value).toMatchObject({ displayName: "Ana", token: "secret" });
    expect(join?.command.case).toBe("join");
    expect(rest).toEqual([]);
  });

  test("is live with the welcome, whose token is kept for later", () => {
    const h = new Harness();
    h.client.connect();
    h.accept(welcome(ana, "fresh"));
    expect(h.client.getSnapshot()).toEqual({
      connection: { status: "live" },
      user: { id: ana.id, name: "Ana", guest: true },
    });
    expect(h.tokens.get()).toBe("fresh");
  });

  test("that is not established in time is given up", () => {
    const h = new Harness();
    h.client.connect();
    h.socket.open();
    vi.advanceTimersByTime(15_000);
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unreachable" } });
    expect(h.sockets[0]?.closedWith).toBeDefined();
  });

  test("with a name that the server refuses ends for good, with the server's words", () => {
    const h = new Harness();
    h.client.connect();
    h.socket.open();
    const [hello] = takeRequests(h.socket);
    respond(h.socket, { replies: [errorReply(hello, status(code.invalidArgument, "display_name: too long"))] });
    expect(h.connection).toEqual({
      status: "closed",
      reason: { code: "refused", text: "display_name: too long" },
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("at an address that cannot be used ends for good", () => {
    class Refusing extends FakeSocket {
      constructor() {
        super("", []);
        throw new SyntaxError("bad address");
      }
    }
    const h = new Harness({ WebSocket: Refusing });
    h.client.connect();
    expect(h.connection).toMatchObject({ status: "closed", reason: { code: "refused" } });
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

  test("are announced to listeners until they unsubscribe, whatever other listeners do", () => {
    const h = new Harness();
    const states: string[] = [];
    vi.stubGlobal("queueMicrotask", vi.fn());
    h.client.subscribe(() => {
      throw new Error("a listener's fault");
    });
    const unsubscribe = h.client.subscribe(() => states.push(h.connection.status));
    h.client.connect();
    h.accept();
    unsubscribe();
    h.client.close();
    expect(states).toEqual(["connecting", "live"]);
  });
});

describe("reconnecting", () => {
  test("waits a random part of a ceiling that doubles from 0.5 s to 30 s", () => {
    const h = new Harness({ random: () => 0.999_999 });
    h.client.connect();
    const delays = Array.from({ length: 9 }, () => Math.ceil(failAndMeasure(h)));
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("spreads clients out: every delay lies below its ceiling, and they differ", () => {
    const random = seededRandom(7);
    const first = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const h = new Harness({ random });
      h.client.connect();
      const delay = failAndMeasure(h);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThan(500);
      first.add(Math.round(delay));
      h.client.close();
    }
    expect(first.size).toBeGreaterThan(50);
  });

  test("says when, which try, and why", () => {
    const h = new Harness({ random: () => 0.5 });
    h.client.connect();
    h.accept();
    h.socket.end(1006);
    expect(h.connection).toEqual({
      status: "reconnecting",
      retryAt: Date.now() + 250,
      attempt: 1,
      reason: { code: "lost", text: "The connection was lost." },
    });
  });

  test("starts over after a session that lasted, and not after one that broke at once", () => {
    const h = new Harness({ random: () => 0.5 });
    const attempt = () => (h.connection.status === "reconnecting" ? h.connection.attempt : undefined);
    h.client.connect();
    for (const expected of [1, 2, 3]) {
      h.accept();
      h.socket.end(1006);
      expect(attempt()).toBe(expected);
      vi.advanceTimersByTime(2000);
    }
    h.accept();
    vi.advanceTimersByTime(10_000);
    h.socket.end(1006);
    expect(attempt()).toBe(1);
  });

  test("honours RetryInfo: not before what the server asks for, not much later", () => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.receive(drainFrame(4000));
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unavailable" } });
    vi.advanceTimersByTime(3999);
    expect(h.sockets).toHaveLength(1);
    vi.advanceTimersByTime(501);
    expect(h.sockets).toHaveLength(2);
  });

  test("does so too when only the close code says that the server drains", () => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.end(4014, "draining");
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "unavailable" } });
  });

  test("happens at once on connect()", () => {
    const h = new Harness();
    h.client.connect();
    h.socket.end(1006);
    h.client.connect();
    expect(h.connection).toEqual({ status: "connecting" });
    expect(h.sockets).toHaveLength(2);
    h.client.connect();
    expect(h.sockets).toHaveLength(2);
  });

  test.each([
    ["the end of the connection", 1006],
    ["a proxy that goes away", 1001],
    ["OK, which nobody asked for", 1000],
    ["a service restart", 1012],
    ["UNKNOWN", 4002],
    ["RESOURCE_EXHAUSTED", 4008],
    ["ABORTED", 4010],
    ["INTERNAL", 4013],
    ["UNAVAILABLE", 4014],
    ["a late first frame", 4408],
  ])("follows %s (%d)", (_, closeCode) => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.end(closeCode);
    expect(h.connection.status).toBe("reconnecting");
  });

  test.each([
    ["INVALID_ARGUMENT", 4003],
    ["PERMISSION_DENIED", 4007],
    ["UNIMPLEMENTED", 4012],
    ["a frame that is too big for a proxy", 1009],
    ["a protocol error", 4400],
    ["a wrong frame type", 4415],
  ])("does not follow %s (%d): no timer is left", (_, closeCode) => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.end(closeCode, "no");
    expect(h.connection.status).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("follows an answer that cannot be decoded", () => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.receive(new Uint8Array([0xff, 0xff]));
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "protocol" } });
  });
});

describe("a refused token", () => {
  test.each([
    ["by close code", (socket: FakeSocket) => socket.end(4016, "invalid token")],
    ["by @end", (socket: FakeSocket) => socket.receive('{"@end":{"status":{"code":16,"message":"invalid token"}}}')],
  ])("is forgotten %s, and a new guest starts at once under the same name", (_, refuse) => {
    const h = new Harness();
    h.tokens.set("stale");
    h.client.connect();
    h.socket.open();
    refuse(h.socket);
    expect(h.sockets).toHaveLength(2);
    expect(h.tokens.get()).toBeUndefined();
    h.socket.open();
    const [hello] = takeRequests(h.socket);
    expect(hello?.command.value).toMatchObject({ displayName: "Ana", token: "" });
    respond(h.socket, { events: [welcome(bo, "new")] });
    expect(h.tokens.get()).toBe("new");
  });

  test("is not asked for twice: without one the refusal is final", () => {
    const h = new Harness();
    h.client.connect();
    h.socket.open();
    h.socket.end(4016, "no guests here");
    expect(h.connection).toEqual({ status: "closed", reason: { code: "refused", text: "no guests here" } });
  });
});

describe("a silent server", () => {
  test("is probed after 15 s and given up 10 s later: within 45 s of the cut", () => {
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    takeRequests(socket);
    vi.advanceTimersByTime(14_999);
    expect(socket.sent).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(takeRequests(socket).map(({ command }) => command.case)).toEqual([undefined]);
    vi.advanceTimersByTime(9_999);
    expect(h.connection.status).toBe("live");
    vi.advanceTimersByTime(1);
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "silent" } });
    expect(socket.closedWith).toBeDefined();
  });

  test("that answers is alive, and so is one that says anything else", () => {
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(24_000);
      respond(socket, i % 2 === 0 ? {} : { events: [welcome()] });
    }
    expect(h.connection.status).toBe("live");
  });

  test("is not probed while it speaks", () => {
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    takeRequests(socket);
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(10_000);
      respond(socket, { events: [welcome()] });
    }
    expect(socket.sent).toHaveLength(0);
  });
});

describe("a page", () => {
  /** A browser's globals as far as the SDK looks at them. */
  function stubPage() {
    const page = {
      window: new EventTarget(),
      document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
      navigator: { onLine: true },
    };
    vi.stubGlobal("window", page.window);
    vi.stubGlobal("document", page.document);
    vi.stubGlobal("navigator", page.navigator);
    return page;
  }

  test.each(["pageshow", "online", "visibilitychange"])("that is told %s probes, and gives up after 5 s", (event) => {
    const { window, document } = stubPage();
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    takeRequests(socket);
    (event === "visibilitychange" ? document : window).dispatchEvent(new Event(event));
    expect(takeRequests(socket)).toHaveLength(1);
    vi.advanceTimersByTime(5000);
    expect(h.connection).toMatchObject({ status: "reconnecting", reason: { code: "silent" } });
  });

  test("that is hidden does not probe", () => {
    const { document } = stubPage();
    const h = new Harness();
    h.client.connect();
    const socket = h.accept();
    takeRequests(socket);
    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    expect(socket.sent).toHaveLength(0);
  });

  test("without a network says so, and connects at once when it is back", () => {
    const { window, navigator } = stubPage();
    const h = new Harness({ random: () => 0.999 });
    const seen: ConnectionState["status"][] = [];
    h.client.subscribe(() => seen.push(h.connection.status));
    h.client.connect();
    h.accept();
    navigator.onLine = false;
    h.socket.end(1006);
    expect(h.connection).toEqual({ status: "offline" });
    vi.advanceTimersByTime(500);
    expect(h.sockets, "it is tried all the same").toHaveLength(2);
    h.socket.end(1006);
    navigator.onLine = true;
    window.dispatchEvent(new Event("online"));
    vi.advanceTimersByTime(0);
    expect(h.sockets).toHaveLength(3);
    h.accept();
    expect(new Set(seen)).toEqual(new Set(["connecting", "live", "offline"]));
  });

  test("whose network comes back during a try begins that anew", () => {
    const { window, navigator } = stubPage();
    navigator.onLine = false;
    const h = new Harness();
    h.client.connect();
    expect(h.connection).toEqual({ status: "offline" });
    navigator.onLine = true;
    window.dispatchEvent(new Event("online"));
    expect(h.connection).toEqual({ status: "connecting" });
    expect(h.sockets).toHaveLength(2);
    expect(h.sockets[0]?.closedWith).toBeDefined();
  });

  test("that loses its network while waiting says so", () => {
    const { window, navigator } = stubPage();
    const h = new Harness();
    h.client.connect();
    h.socket.end(1006);
    expect(h.connection.status).toBe("reconnecting");
    navigator.onLine = false;
    window.dispatchEvent(new Event("offline"));
    expect(h.connection).toEqual({ status: "offline" });
  });

  test("that wakes up does not come back before what the server asked for", () => {
    const { window } = stubPage();
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.socket.receive(drainFrame(4000));
    window.dispatchEvent(new Event("online"));
    vi.advanceTimersByTime(3999);
    expect(h.sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(h.sockets).toHaveLength(2);
  });

  test("is left without listeners by close()", () => {
    const { window, document } = stubPage();
    const added = [vi.spyOn(window, "addEventListener"), vi.spyOn(document, "addEventListener")];
    const removed = [vi.spyOn(window, "removeEventListener"), vi.spyOn(document, "removeEventListener")];
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.client.close();
    const calls = (spies: typeof added) => spies.flatMap((spy) => spy.mock.calls.map(([type, f]) => ({ type, f })));
    expect(calls(added)).toHaveLength(4);
    expect(calls(removed)).toEqual(calls(added));
  });
});

describe("close()", () => {
  test.each<[string, (h: Harness) => void]>([
    ["connecting", () => undefined],
    ["live", (h) => h.accept()],
    ["probing", (h) => h.accept() && vi.advanceTimersByTime(16_000)],
    ["reconnecting", (h) => h.socket.end(1006)],
  ])("while %s leaves no socket, timer or listener", (_, prepare) => {
    const h = new Harness();
    h.client.room("lobby").join();
    h.client.connect();
    prepare(h);
    h.client.room("lobby").send("hello");
    h.client.room("lobby").markRead(1);
    h.client.room("lobby").markRead(2);
    h.client.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(h.connection).toEqual({ status: "closed", reason: { code: "closed-by-client", text: "Disconnected." } });
    for (const socket of h.sockets) {
      expect(socket.listenerCount).toBe(0);
    }
  });

  test("in a listener that hears of a loss is obeyed", () => {
    const h = new Harness();
    h.client.room("lobby").join();
    h.client.connect();
    h.accept();
    h.client.room("lobby").subscribe(() => h.client.close());
    h.socket.end(1006);
    vi.advanceTimersByTime(60_000);
    expect(h.sockets).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("can be followed by connect()", () => {
    const h = new Harness();
    h.client.connect();
    h.accept();
    h.client.close();
    h.client.connect();
    h.accept();
    expect(h.connection.status).toBe("live");
  });
});

test("an option without a default is missed by name", () => {
  expect(() => new ChatClient()).toThrow(new TypeError("ChatClient: there is no default for baseUrl here"));
  vi.stubGlobal("WebSocket", undefined);
  const options = { baseUrl: "wss://chat.example" };
  expect(() => new ChatClient(options)).toThrow(new TypeError("ChatClient: there is no default for WebSocket here"));
});

test("setDisplayName reconnects a live session under the same identity", () => {
  const h = new Harness();
  h.client.connect();
  h.accept(welcome(ana, "mine"));
  h.client.setDisplayName("Anna");
  expect(h.sockets).toHaveLength(2);
  expect(h.sockets[0]?.closedWith).toBeDefined();
  h.socket.open();
  const [hello] = takeRequests(h.socket);
  expect(hello?.command.value).toMatchObject({ displayName: "Anna", token: "mine" });
  h.client.setDisplayName("Anna");
  expect(h.sockets).toHaveLength(2);
});

test("signals are dropped while the network is congested, and commands are not", () => {
  const h = new Harness();
  const { room, socket } = h.joinLobby();
  takeRequests(socket);
  socket.bufferedAmount = 1024 * 1024 + 1;
  room.setTyping(true);
  room.send("hello");
  expect(takeRequests(socket).map(({ command }) => command.case)).toEqual(["publish"]);
});
