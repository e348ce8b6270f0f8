import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { onTestFinished, vi } from "vitest";
import { createWebSocketTransport, type WebSocketTransport, type WebSocketTransportOptions } from "../src/index.js";
import { EchoService } from "./echo-service.js";
import { type ScriptedServer, scriptedServers, settle } from "./scripted-server.js";

export interface Harness {
  readonly transport: WebSocketTransport;
  readonly client: Client<typeof EchoService>;
  readonly servers: readonly ScriptedServer[];
  /** Returns the newest socket, once there is one. */
  dialled(): Promise<ScriptedServer>;
}

/** Returns a transport whose server the test plays. It is closed when the test ends, and leaves no listener behind. */
export function harness(options: Partial<WebSocketTransportOptions> = {}): Harness {
  const { WebSocket, servers } = scriptedServers();
  const transport = createWebSocketTransport({ baseUrl: "http://localhost:8080", WebSocket, ...options });
  onTestFinished(() => {
    transport.close();
    const left = servers.reduce((sum, { listenerCount }) => sum + listenerCount, 0);
    if (left > 0) {
      throw new Error(`${left} listeners left on sockets`);
    }
  });
  return {
    transport,
    servers,
    client: createClient(EchoService, transport),
    async dialled() {
      await settle();
      const server = servers.at(-1);
      if (!server) {
        throw new Error("no socket was made");
      }
      return server;
    },
  };
}

/** An iterable that the test feeds, as a user interface feeds a bidirectional call. */
export class Source<T> implements AsyncIterable<T> {
  private readonly values: T[] = [];
  private wake: () => void = () => undefined;
  private done = false;
  /** How many values were taken. */
  taken = 0;

  push(...values: readonly T[]): void {
    this.values.push(...values);
    this.wake();
  }

  finish(): void {
    this.done = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const value = this.values.shift();
      if (value !== undefined) {
        this.taken++;
        yield value;
      } else if (this.done) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}

/** Reads an iterable to its end, in the background. */
export function collect<T>(iterable: AsyncIterable<T>): { readonly values: T[]; readonly done: Promise<void> } {
  const values: T[] = [];
  const done = (async () => {
    for await (const value of iterable) {
      values.push(value);
    }
  })();
  done.catch(() => undefined);
  return { values, done };
}

/** Returns the error that a call fails with. */
export async function errorOf(promise: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await promise.then(
      () => new Error("it succeeded"),
      (reason: unknown) => reason,
    ),
  );
}

/** Until the test ends, time passes only when the test says so. */
export function fakeTime(): void {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
