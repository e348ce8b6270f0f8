import { Code, ConnectError } from "@connectrpc/connect";
import { ChatService, type ConnectResponse } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FallbackTransport } from "../src/http-fallback.js";
import { FakeTransport, settle } from "./fake-transport.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A WebSocket that the test plays, and beside it HTTP, which is there or not. */
function setUp() {
  const webSocket = new FakeTransport();
  const http = new FakeTransport();
  const network = { http: true, asked: 0 };
  const transport = new FallbackTransport(webSocket, () =>
    Promise.resolve({
      reach: () => {
        network.asked++;
        return Promise.resolve(network.http);
      },
      unary: http.unary.bind(http),
      stream: http.stream.bind(http),
    }),
  );
  void transport.connect();
  return { transport, webSocket, http, network };
}

/** Begins a Connect call and returns how it ends. */
async function connect(transport: FallbackTransport, signal?: AbortSignal) {
  const { message } = await transport.stream(
    ChatService.method.connect,
    signal,
    undefined,
    {},
    (async function* () {})(),
  );
  const drain = async (messages: AsyncIterable<ConnectResponse>) => {
    for await (const _ of messages) {
      // What comes does not matter.
    }
  };
  const ended = drain(message).then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason).code,
  );
  await settle();
  return ended;
}

const unreachable = async (webSocket: FakeTransport) => {
  webSocket.lose("unreachable", 20_000);
  await settle();
};

test("where no WebSocket can be made, calls go over HTTP, until one can", async () => {
  const { transport, webSocket, http } = setUp();
  await unreachable(webSocket);
  expect(transport.state.status).toBe("connected");
  const ended = connect(transport);
  void transport.unary(RoomService.method.getRoom, undefined, undefined, {}, { room: "lobby" });
  await settle();
  expect([http.calls.length, http.unaries.length, webSocket.calls.length]).toEqual([1, 1, 0]);
  // Its tries go on, and are not shown.
  webSocket.retry();
  await unreachable(webSocket);
  expect(transport.state.status).toBe("connected");
  webSocket.retry();
  webSocket.connected();
  expect(await await ended).toBe(Code.Unavailable);
  expect(transport.state.status).toBe("connected");
  void connect(transport);
  await settle();
  expect(webSocket.calls).toHaveLength(1);
});

test("a server that restarts is waited for: once there was a WebSocket it takes two tries in vain", async () => {
  const { transport, webSocket, network } = setUp();
  webSocket.connected();
  webSocket.lose("lost");
  await settle();
  webSocket.retry();
  await unreachable(webSocket);
  expect([transport.state.status, network.asked]).toEqual(["waiting", 0]);
  webSocket.retry();
  await unreachable(webSocket);
  expect([transport.state.status, network.asked]).toEqual(["connected", 1]);
});

test("where HTTP does not answer either, it is as without it", async () => {
  const { transport, webSocket, network } = setUp();
  network.http = false;
  await unreachable(webSocket);
  expect(transport.state).toBe(webSocket.state);
  expect([network.asked, vi.getTimerCount()]).toEqual([1, 0]);
});

test("HTTP that was the way here and fails is tried again by itself, sooner than the WebSocket would be, or at once when asked", async () => {
  const { transport, webSocket, http, network } = setUp();
  await unreachable(webSocket);
  const ended = connect(transport);
  await settle();
  network.http = false;
  http.calls[0]?.finish(new ConnectError("gone", Code.Unavailable));
  await settle();
  expect(await await ended).toBe(Code.Unavailable);
  const { state } = transport;
  expect(state.status === "waiting" && state.retryAtMs - Date.now()).toBeLessThan(500);
  network.http = true;
  await vi.advanceTimersByTimeAsync(500);
  expect(transport.state.status).toBe("connected");

  void connect(transport);
  await settle();
  network.http = false;
  http.calls[1]?.finish(new ConnectError("gone", Code.Unavailable));
  await settle();
  network.http = true;
  void transport.connect();
  await settle();
  expect(transport.state.status).toBe("connected");
  transport.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("a call that is ended here, or refused by the server, does not mean that HTTP fails", async () => {
  const { transport, webSocket, http } = setUp();
  await unreachable(webSocket);
  const leaving = new AbortController();
  const left = connect(transport, leaving.signal);
  await settle();
  leaving.abort();
  expect(await await left).toBe(Code.Canceled);
  const refused = connect(transport);
  await settle();
  const error = new ConnectError("no", Code.Unauthenticated);
  error.isWireError = true;
  http.calls[1]?.finish(error);
  expect(await await refused).toBe(Code.Unauthenticated);
  expect(transport.state.status).toBe("connected");
});
