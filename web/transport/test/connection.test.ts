import { Code, ConnectError } from "@connectrpc/connect";
import { AuthSchema, SettingsSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { describe, expect, test, vi } from "vitest";
import { FrameType } from "../src/frame.js";
import { type ConnectionState, isNotProcessed } from "../src/index.js";
import { collect, errorOf, fakeTime, harness } from "./harness.js";
import { settle } from "./scripted-server.js";

const value = Uint8Array.of(1);

describe("connecting", () => {
  test("happens with the first call, and its states are told", async () => {
    const { client, transport, dialled, servers } = harness();
    const states: ConnectionState["status"][] = [];
    transport.subscribe(({ status }) => states.push(status));
    expect(transport.state).toEqual({ status: "idle" });
    await settle();
    expect(servers).toEqual([]);

    const answer = client.unary({ value });
    const server = await dialled();
    server.acceptWithSettings();
    server.message(1, value);
    server.end(1);
    await answer;
    transport.close();
    expect(states).toEqual(["connecting", "connected", "closed"]);
    expect(server.closedWith).toBe(1000);
  });

  test.each([
    ["https://example.com", undefined, "wss://example.com/rialto"],
    ["http://localhost:8080/", undefined, "ws://localhost:8080/rialto"],
    ["https://example.com/api?x=1#y", "/bridge", "wss://example.com/api/bridge"],
    ["wss://example.com", undefined, "wss://example.com/rialto"],
  ])("to %s, path %s", async (baseUrl, path, url) => {
    const { transport, dialled } = harness({ baseUrl, ...(path && { path }) });
    transport.connect().catch(() => undefined);
    expect((await dialled()).url).toBe(url);
  });

  test("presents the connection's headers in SETTINGS, asked for anew each time", async () => {
    fakeTime();
    let count = 0;
    const connectionHeaders = async () => ({ Authorization: `Bearer ${++count}` });
    const { transport, dialled } = harness({ connectionHeaders });
    void transport.connect();
    const first = await dialled();
    first.accept();
    const { metadata, encodings } = first.takePayload(FrameType.Settings, SettingsSchema);
    expect(metadata[0]).toMatchObject({ key: "authorization", value: { value: "Bearer 1" } });
    expect(encodings).toEqual(["gzip"]);
    first.settings();
    first.drop(1006);
    await vi.advanceTimersByTimeAsync(500);
    const second = await dialled();
    second.accept();
    expect(second.takePayload(FrameType.Settings, SettingsSchema).metadata[0]?.value.value).toBe("Bearer 2");
  });

  test("that fails fails the calls that wait, and says why", async () => {
    fakeTime();
    const { client, dialled, transport } = harness();
    const error = errorOf(client.unary({ value }));
    (await dialled()).drop(1006);
    expect(await error).toMatchObject({ code: Code.Unavailable, rawMessage: "the connection ended with 1006" });
    expect(isNotProcessed(await error)).toBe(true);
    expect(transport.state).toMatchObject({
      status: "idle",
      loss: { reason: "unreachable", error: { code: Code.Unavailable } },
    });
  });

  test("is not tried again for each call within the delay, but after it", async () => {
    fakeTime();
    vi.spyOn(Math, "random").mockReturnValue(0.9);
    const { client, dialled, servers } = harness();
    const first = errorOf(client.unary({ value }));
    (await dialled()).drop(1006);
    await first;
    expect((await errorOf(client.unary({ value }))).code).toBe(Code.Unavailable);
    expect(servers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(451);
    const again = client.unary({ value });
    const server = await dialled();
    expect(servers).toHaveLength(2);
    server.acceptWithSettings();
    server.message(1, value);
    server.end(1);
    await again;
  });

  test("goes on while a call waits for it, with full jitter under a doubling ceiling", async () => {
    fakeTime();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { client, dialled, servers, transport } = harness({ waitForReady: true });
    const answer = client.unary({ value });
    for (const delayMs of [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const count = servers.length;
      (await dialled()).drop(1006);
      await settle();
      expect(transport.state).toMatchObject({ status: "waiting", retryAtMs: Date.now() + delayMs });
      await vi.advanceTimersByTimeAsync(delayMs - 1);
      expect(servers.length).toBe(Math.max(1, count));
      await vi.advanceTimersByTimeAsync(1);
    }
    const server = await dialled();
    server.acceptWithSettings();
    await settle();
    server.message(1, value);
    server.end(1);
    await answer;
  });

  test("is given up after the time for it", async () => {
    fakeTime();
    const { client, dialled } = harness({ connectTimeoutMs: 3000 });
    const error = errorOf(client.unary({ value }));
    const server = await dialled();
    server.accept();
    await vi.advanceTimersByTimeAsync(3000);
    expect((await error).code).toBe(Code.Unavailable);
    expect(server.closedWith).toBeDefined();
  });

  test("to a server that speaks something else fails, and is not repeated", async () => {
    const { client, dialled, transport } = harness();
    const error = errorOf(client.unary({ value }));
    const server = await dialled();
    server.accept("");
    expect((await error).code).toBe(Code.Unavailable);
    expect(transport.state.status).toBe("idle");
  });

  test("without a WebSocket class says what to do", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const { createWebSocketTransport } = await import("../src/index.js");
    const transport = createWebSocketTransport({ baseUrl: "http://localhost:8080" });
    expect((await errorOf(transport.connect())).rawMessage).toMatch(/pass the option WebSocket/);
    transport.close();
  });

  test("whose headers cannot be had fails its calls with that", async () => {
    const connectionHeaders = () => Promise.reject(new ConnectError("signed out", Code.Unauthenticated));
    const { client } = harness({ connectionHeaders });
    expect(await errorOf(client.unary({ value }))).toMatchObject({
      code: Code.Unauthenticated,
      rawMessage: "signed out",
    });
  });
});

describe("a lost connection", () => {
  test("fails its calls with UNAVAILABLE, and the next call connects within the first ceiling", async () => {
    fakeTime();
    const { client, dialled, servers } = harness();
    const lost = collect(client.serverStream({ value }));
    const server = await dialled();
    server.acceptWithSettings();
    server.drop(1006);
    const error = await errorOf(lost.done);
    expect(error.code).toBe(Code.Unavailable);
    expect(isNotProcessed(error)).toBe(false);

    const next = client.unary({ value });
    await vi.advanceTimersByTimeAsync(500);
    expect(servers).toHaveLength(2);
    const second = await dialled();
    second.acceptWithSettings();
    second.message(1, value);
    second.end(1);
    await next;
  });

  test.each([
    [4014, "draining", "waiting", "going-away"],
    [1001, "", "waiting", "going-away"],
    [1006, "", "waiting", "lost"],
    [4016, "token expired", "idle", "refused"],
    [4400, "bad frame", "idle", "refused"],
    [4999, "unheard of", "idle", "refused"],
  ])("closed with %d %s", async (closeCode, reason, status, why) => {
    fakeTime();
    const { client, dialled, transport } = harness();
    const connected = transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    await connected;
    const error = errorOf(client.unary({ value }));
    await settle();
    server.drop(closeCode, reason);
    expect((await error).code).toBe(Code.Unavailable);
    expect(transport.state).toMatchObject({ status, loss: { reason: why } });
  });

  test("that lived only shortly does not reset the delay", async () => {
    fakeTime();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { dialled, transport } = harness();
    void transport.connect();
    for (const delayMs of [250, 500, 1000]) {
      const server = await dialled();
      server.acceptWithSettings();
      server.drop(1006);
      expect(transport.state).toMatchObject({ retryAtMs: Date.now() + delayMs });
      await vi.advanceTimersByTimeAsync(delayMs);
    }
    (await dialled()).acceptWithSettings();
    await vi.advanceTimersByTimeAsync(5000);
    (await dialled()).drop(1006);
    expect(transport.state).toMatchObject({ retryAtMs: Date.now() + 250 });
  });
});

test("connect tries at once, whatever the delay", async () => {
  fakeTime();
  vi.spyOn(Math, "random").mockReturnValue(0.9);
  const { transport, dialled, servers } = harness();
  const first = errorOf(transport.connect());
  (await dialled()).drop(1006);
  expect((await first).code).toBe(Code.Unavailable);
  expect(transport.state.status).toBe("waiting");
  const second = transport.connect();
  await settle();
  expect(servers).toHaveLength(2);
  (await dialled()).acceptWithSettings();
  await second;
});

test("a listener that throws does not disturb the connection", async () => {
  const thrown: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (task: () => void) => {
    try {
      task();
    } catch (reason) {
      thrown.push(reason);
    }
  });
  const { transport, dialled } = harness();
  const unsubscribe = transport.subscribe(() => {
    throw new Error("from the page");
  });
  const connected = transport.connect();
  const server = await dialled();
  server.acceptWithSettings();
  await connected;
  expect(server.closedWith).toBeUndefined();
  expect(thrown).toEqual([new Error("from the page"), new Error("from the page")]);
  unsubscribe();
});

describe("GOAWAY", () => {
  test("lets calls finish, repeats those not begun elsewhere, and closes the old socket", async () => {
    fakeTime();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { client, dialled, servers } = harness();
    const running = client.unary({ value });
    const refused = client.unary({ value });
    const old = await dialled();
    old.acceptWithSettings();
    old.takeOpen();
    old.takeOpen();
    old.goAway({ lastStream: 1, message: "drain", reconnectMinMs: 1000, reconnectMaxMs: 3000 });
    await vi.advanceTimersByTimeAsync(1999);
    expect(servers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    const next = await dialled();
    expect(next).not.toBe(old);
    next.acceptWithSettings();
    expect(next.takeOpen().id).toBe(1);
    next.message(1, Uint8Array.of(9));
    next.end(1);
    expect((await refused).value).toEqual(Uint8Array.of(9));

    expect(old.closedWith).toBeUndefined();
    old.message(1, Uint8Array.of(8));
    old.end(1);
    expect((await running).value).toEqual(Uint8Array.of(8));
    expect(old.closedWith).toBe(1000);
  });

  test("is followed by nothing when nobody needs a connection", async () => {
    fakeTime();
    const { client, dialled, servers, transport } = harness();
    const answer = client.unary({ value });
    const server = await dialled();
    server.acceptWithSettings();
    server.message(1, value);
    server.end(1);
    await answer;
    server.goAway({ lastStream: 1 });
    expect(server.closedWith).toBe(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(servers).toHaveLength(1);
    expect(transport.state.status).toBe("idle");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("for good ends the tries", async () => {
    fakeTime();
    const { dialled, transport, servers } = harness();
    void transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    server.goAway({ code: Code.Unauthenticated, message: "token expired" });
    expect(transport.state).toMatchObject({
      status: "idle",
      loss: { reason: "refused", error: { code: Code.Unauthenticated } },
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(servers).toHaveLength(1);
  });
});

describe("heartbeat", () => {
  test("probes a silent server, and gives it up when it stays silent", async () => {
    fakeTime();
    const { transport, dialled } = harness();
    void transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    await vi.advanceTimersByTimeAsync(19_999);
    expect(server.received).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    server.frame(FrameType.Pong, 0, 0, server.take(FrameType.Ping).payload);
    await vi.advanceTimersByTimeAsync(20_000);
    server.take(FrameType.Ping);
    await vi.advanceTimersByTimeAsync(19_999);
    expect(transport.state.status).toBe("connected");
    await vi.advanceTimersByTimeAsync(1);
    expect(transport.state).toMatchObject({ status: "waiting", loss: { reason: "silent" } });
    expect(server.closedWith).toBeDefined();
  });

  test("a server that takes what waits is slow, not dead", async () => {
    fakeTime();
    const { transport, dialled } = harness();
    void transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    for (const bufferedAmount of [300_000, 200_000, 100_000]) {
      server.bufferedAmount = bufferedAmount;
      await vi.advanceTimersByTimeAsync(20_000);
      expect(transport.state.status).toBe("connected");
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(transport.state.status).toBe("waiting");
  });

  test("waking up probes at once, with less patience, and tries at once", async () => {
    fakeTime();
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    const { transport, dialled, servers } = harness();
    void transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    window.dispatchEvent(new Event("online"));
    server.take(FrameType.Ping);
    await vi.advanceTimersByTimeAsync(5000);
    expect(transport.state.status).toBe("waiting");
    window.dispatchEvent(new Event("pageshow"));
    await settle();
    expect(servers).toHaveLength(2);
    document.dispatchEvent(new Event("visibilitychange"));
    transport.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a try that the network came back during begins anew", async () => {
  fakeTime();
  const window = new EventTarget();
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  const { transport, dialled, servers } = harness();
  transport.connect().catch(() => undefined);
  const hanging = await dialled();
  window.dispatchEvent(new Event("pageshow"));
  await settle();
  expect(servers).toHaveLength(1);
  window.dispatchEvent(new Event("online"));
  await settle();
  expect(servers).toHaveLength(2);
  expect(hanging.closedWith).toBeDefined();
  (await dialled()).acceptWithSettings();
  window.dispatchEvent(new Event("online"));
  expect(transport.state.status).toBe("connected");
});

describe("AUTH", () => {
  test("presents fresh headers; the server's refusal is the error", async () => {
    let token = "old";
    const { transport, dialled } = harness({ connectionHeaders: () => ({ authorization: token }) });
    const connected = transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    await connected;
    token = "new";
    const first = transport.authenticate();
    await settle();
    expect(server.takePayload(FrameType.Auth, AuthSchema).metadata[0]?.value.value).toBe("new");
    server.frame(FrameType.Auth, 0, 0);
    await first;

    const second = errorOf(transport.authenticate());
    await settle();
    server.auth({ status: { code: Code.PermissionDenied, message: "another subject" } });
    expect(await second).toMatchObject({ code: Code.PermissionDenied, rawMessage: "another subject" });
  });
});

describe("a server that breaks the rules", () => {
  const cases: readonly [
    string,
    number,
    (server: Awaited<ReturnType<ReturnType<typeof harness>["dialled"]>>) => void,
  ][] = [
    ["a text message", 4415, (server) => server.raw("hello")],
    ["a frame that cannot be decoded", 4400, (server) => server.raw(new ArrayBuffer(3))],
    ["SETTINGS twice", 4400, (server) => server.settings()],
    ["OPEN", 4400, (server) => server.frame(FrameType.Open, 0, 1)],
    ["a frame for a stream that was never opened", 4400, (server) => server.end(3)],
    ["HEADERS twice", 4400, (server) => [server.headers(1), server.headers(1)]],
    ["HEADERS after DATA", 4400, (server) => [server.message(1, value), server.headers(1)]],
    ["a chunk over the limit", 4400, (server) => server.data(1, new Uint8Array(16_385))],
    ["COMPRESSED within a message", 4400, (server) => [server.data(1, value, 1), server.data(1, value, 2)]],
    ["a window over the limit", 4400, (server) => server.window(1, 0x7fff_ffff)],
    ["a connection window over the limit", 4400, (server) => server.window(0, 0x7fff_ffff)],
    ["an unasked AUTH", 4400, (server) => server.auth({})],
    ["a payload that is no protobuf", 4400, (server) => server.frame(FrameType.End, 0, 1, Uint8Array.of(255))],
    ["an invalid header", 4400, (server) => server.headers(1, { metadata: [{ key: "a b" }] })],
  ];

  test.each(cases)("with %s is closed with %d, and its calls fail", async (_name, closeCode, act) => {
    const { client, dialled } = harness();
    const error = errorOf(collect(client.serverStream({ value })).done);
    const server = await dialled();
    server.acceptWithSettings();
    act(server);
    expect(server.closedWith).toBe(closeCode);
    expect((await error).code).toBe(Code.Unavailable);
  });

  test("anything before SETTINGS is closed with 4400", async () => {
    const { client, dialled } = harness();
    const error = errorOf(client.unary({ value }));
    const server = await dialled();
    server.accept();
    server.frame(FrameType.Ping, 0, 0, new Uint8Array(8));
    expect(server.closedWith).toBe(4400);
    expect((await error).code).toBe(Code.Unavailable);
  });

  test("a frame type from 128 on is ignored", async () => {
    const { transport, dialled } = harness();
    const connected = transport.connect();
    const server = await dialled();
    server.acceptWithSettings();
    await connected;
    server.frame(200, 255, 77, value);
    expect(server.closedWith).toBeUndefined();
  });
});

test("close fails calls with CANCELLED, and later ones too", async () => {
  const { client, transport, dialled } = harness();
  const running = errorOf(client.unary({ value }));
  (await dialled()).acceptWithSettings();
  transport.close();
  expect((await running).code).toBe(Code.Canceled);
  expect((await errorOf(client.unary({ value }))).code).toBe(Code.Canceled);
  expect(transport.state).toEqual({ status: "closed" });
});
