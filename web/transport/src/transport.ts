import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues, type StreamRequest, type Transport } from "@connectrpc/connect";
import { createMethodUrl, runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import { type Call, openCall, openCallWith } from "./call.js";
import { MethodCodec } from "./codec.js";
import { Connection } from "./connection.js";
import { gzipAvailable } from "./gzip.js";
import { metadataFromHeaders } from "./metadata.js";
import type { WebSocketTransport, WebSocketTransportOptions } from "./options.js";
import { Session } from "./session.js";
import { startValues } from "./settings.js";
import { bridgeUrl, type WebSocketConstructor } from "./socket.js";
import type { Stream } from "./stream.js";
import { maxWindowBytes } from "./window.js";

/** As in grpc-go. */
const defaultReadMaxBytes = 4 * 1024 * 1024;
const defaultCompressMinBytes = 1024;
const defaultConnectTimeoutMs = 10_000;
const defaultPingIntervalMs = 20_000;
const defaultStalledAfterMs = 30_000;

/**
 * Returns a transport that carries calls of all four kinds over one WebSocket to a Rialto bridge. Give it to `createClient`
 * of @connectrpc/connect; share one for a whole page. It connects with the first call.
 */
export function createWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const connection = createConnection(options);
  const { unary, stream } = createCalls(options, connection);
  return {
    unary,
    stream,
    get state() {
      return connection.store.state;
    },
    subscribe: (listener) => connection.store.subscribe(listener),
    connect: () => connection.keep(),
    authenticate: () => connection.authenticate(),
    close: () => connection.close(),
  };
}

function createConnection(options: WebSocketTransportOptions): Connection {
  const url = bridgeUrl(options.baseUrl, options.path ?? "/rialto");
  const local = {
    streamWindowBytes: windowFrom(options.streamWindowBytes, startValues.streamWindowBytes),
    connectionWindowBytes: windowFrom(options.connectionWindowBytes, startValues.connectionWindowBytes),
    maxMessageBytes: options.readMaxBytes ?? defaultReadMaxBytes,
    pingIntervalMs: options.pingIntervalMs ?? defaultPingIntervalMs,
  };
  let connections = 0;
  const compresses = options.compression === "gzip" && gzipAvailable;
  return new Connection({
    metadata: async () => metadataFromHeaders(new Headers(await options.connectionHeaders?.())),
    dial: (metadata, events) =>
      new Session(
        {
          WebSocket: options.WebSocket ?? globalWebSocket(),
          url,
          local: { ...local, metadata },
          connectTimeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
          compressMinBytes: compresses ? (options.compressMinBytes ?? defaultCompressMinBytes) : undefined,
          stalledAfterMs: options.onStalled ? (options.stalledAfterMs ?? defaultStalledAfterMs) : 0,
          onFrame: options.onFrame,
          connection: ++connections,
          onStalled: ({ request, unreadMs }) => options.onStalled?.({ method: request.method, unreadMs }),
        },
        events,
      ),
  });
}

function windowFrom(bytes: number | undefined, startValue: number): number {
  return Math.min(maxWindowBytes, Math.max(startValue, bytes ?? 0));
}

function globalWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new ConnectError("there is no global WebSocket; pass the option WebSocket", Code.FailedPrecondition);
  }
  return WebSocket;
}

function createCalls(options: WebSocketTransportOptions, connection: Connection): Transport {
  const { baseUrl, interceptors, defaultTimeoutMs } = options;
  const callOptions = {
    waitForReady: options.waitForReady ?? false,
    readMaxBytes: options.readMaxBytes ?? defaultReadMaxBytes,
  };
  return {
    unary(method, signal, timeoutMs, header, message, contextValues) {
      const codec = new MethodCodec(method, options);
      const timeout = effectiveTimeout(timeoutMs, defaultTimeoutMs);
      return runUnaryCall({
        ...present({ interceptors, signal, timeoutMs: timeout.ms }),
        req: { stream: false, ...requestOf(baseUrl, method, header, contextValues), message },
        next: async (req) => {
          const call = callOf(method, req.header, req.signal, timeout.deadlineMs);
          const stream = await openCallWith(connection, call, callOptions, codec.encode(req.message));
          const output = await receiveOnly(stream, codec);
          return {
            stream: false,
            service: method.parent,
            method,
            header: await stream.header,
            message: output,
            trailer: stream.trailer,
          };
        },
      });
    },

    stream(method, signal, timeoutMs, header, input, contextValues) {
      const codec = new MethodCodec(method, options);
      const timeout = effectiveTimeout(timeoutMs, defaultTimeoutMs);
      return runStreamingCall({
        ...present({ interceptors, signal, timeoutMs: timeout.ms }),
        req: { stream: true, ...requestOf(baseUrl, method, header, contextValues), message: input },
        next: async (req) => {
          const call = callOf(method, req.header, req.signal, timeout.deadlineMs);
          const first = method.methodKind === "server_streaming" ? await firstOf(req) : undefined;
          const stream = first
            ? await openCallWith(connection, call, callOptions, codec.encode(first))
            : await openCall(connection, call, callOptions);
          if (!first) {
            void sendAll(stream, req.message, codec);
          }
          return {
            stream: true,
            service: method.parent,
            method,
            header: await stream.header,
            message: receiveAll(stream, codec),
            trailer: stream.trailer,
          };
        },
      });
    },
  };
}

/** Drops what is undefined: with exactOptionalPropertyTypes an absent option and an undefined one differ. */
function present<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function requestOf<M extends DescMethodUnary | DescMethodStreaming>(
  baseUrl: string,
  method: M,
  header: HeadersInit | undefined,
  contextValues: ReturnType<typeof createContextValues> | undefined,
) {
  return {
    service: method.parent,
    method,
    requestMethod: "POST",
    url: createMethodUrl(baseUrl, method),
    header: new Headers(header),
    contextValues: contextValues ?? createContextValues(),
  };
}

function callOf(
  method: DescMethodUnary | DescMethodStreaming,
  header: Headers,
  signal: AbortSignal,
  deadlineMs: number | undefined,
): Call {
  return { method: `/${method.parent.typeName}/${method.name}`, header, signal, deadlineMs };
}

function effectiveTimeout(timeoutMs: number | undefined, defaultTimeoutMs: number | undefined) {
  const ms = timeoutMs ?? defaultTimeoutMs;
  return ms === undefined || ms <= 0
    ? { ms: undefined, deadlineMs: undefined }
    : { ms, deadlineMs: performance.now() + ms };
}

/** Takes the request of a server-streaming call. */
async function firstOf<I extends DescMessage, O extends DescMessage>(
  request: StreamRequest<I, O>,
): Promise<MessageShape<I> | undefined> {
  const result = await request.message[Symbol.asyncIterator]().next();
  return result.done ? undefined : result.value;
}

async function sendAll<I extends DescMessage, O extends DescMessage>(
  stream: Stream,
  messages: AsyncIterable<MessageShape<I>>,
  codec: MethodCodec<I, O>,
): Promise<void> {
  try {
    for await (const message of messages) {
      if (!(await stream.send(codec.encode(message)))) {
        return;
      }
    }
    stream.halfClose();
  } catch (reason) {
    stream.reset(ConnectError.from(reason));
  }
}

async function* receiveAll<I extends DescMessage, O extends DescMessage>(
  stream: Stream,
  codec: MethodCodec<I, O>,
): AsyncGenerator<MessageShape<O>> {
  for (;;) {
    const bytes = await stream.receive();
    if (!bytes) {
      return;
    }
    yield codec.decode(bytes);
  }
}

/** Receives the one message of a unary answer; UNIMPLEMENTED for another number of them, as grpc-go says. */
async function receiveOnly<I extends DescMessage, O extends DescMessage>(
  stream: Stream,
  codec: MethodCodec<I, O>,
): Promise<MessageShape<O>> {
  const bytes = await stream.receive();
  if (!bytes) {
    throw new ConnectError("protocol error: missing output message for unary method", Code.Unimplemented);
  }
  if (await stream.receive()) {
    throw new ConnectError("protocol error: received extra output message for unary method", Code.Unimplemented);
  }
  return codec.decode(bytes);
}
