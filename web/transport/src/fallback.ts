import type { DescMessage, DescMethodStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { WebSocketTransport } from "./options.js";
import { isNotProcessed } from "./status.js";

/**
 * Returns a transport whose unary and server-streaming calls go to `http` when `webSocket` has no connection for them, such as
 * where a network blocks WebSockets: then the server surely has not begun them. `http` is a transport of @connectrpc/connect-web
 * with the same `baseUrl`, and interceptors of its own where calls need a token. Each call tries the WebSocket first, as far as
 * its delay between tries allows. Not for transports that wait for the connection (`waitForReady`).
 */
export function withFallback(webSocket: WebSocketTransport, http: Transport): WebSocketTransport {
  return {
    get state() {
      return webSocket.state;
    },
    subscribe: (listener) => webSocket.subscribe(listener),
    connect: () => webSocket.connect(),
    authenticate: () => webSocket.authenticate(),
    close: () => webSocket.close(),

    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const remaining = stopwatch(timeoutMs);
      try {
        return await webSocket.unary(method, signal, timeoutMs, header, input, contextValues);
      } catch (reason) {
        passOn(reason);
        return http.unary(method, signal, remaining(), header, input, contextValues);
      }
    },

    async stream<I extends DescMessage, O extends DescMessage>(
      ...[method, signal, timeoutMs, header, input, contextValues]: StreamArguments<I, O>
    ) {
      if (method.methodKind !== "server_streaming") {
        return webSocket.stream(method, signal, timeoutMs, header, input, contextValues);
      }
      const remaining = stopwatch(timeoutMs);
      const request = await taken(input);
      try {
        return await webSocket.stream(method, signal, timeoutMs, header, replayed(request), contextValues);
      } catch (reason) {
        passOn(reason);
        return http.stream(method, signal, remaining(), header, replayed(request), contextValues);
      }
    },
  };
}

type StreamArguments<I extends DescMessage, O extends DescMessage> = [
  method: DescMethodStreaming<I, O>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  header: HeadersInit | undefined,
  input: AsyncIterable<MessageInitShape<I>>,
  contextValues?: Parameters<Transport["unary"]>[5],
];

/** Throws what is not a want of connection. */
function passOn(reason: unknown): void {
  if (!isNotProcessed(reason) || ConnectError.from(reason).code !== Code.Unavailable) {
    throw reason;
  }
}

/** Returns how much of the time is left whenever it is asked. */
function stopwatch(timeoutMs: number | undefined): () => number | undefined {
  const startMs = performance.now();
  return () => timeoutMs && Math.max(1, timeoutMs - (performance.now() - startMs));
}

async function taken<T>(input: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of input) {
    messages.push(message);
  }
  return messages;
}

async function* replayed<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}
