import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { ConnectionState, StateListener } from "@rialto/transport";
import { Backoff } from "@rialto/transport/reconnect";
import type { ChatTransport } from "./transport.js";

/** How many tries in a row must fail, once there was a WebSocket, before HTTP is tried: a server that restarts is not a network. */
const triesBeforeHttp = 2;

/** What carries calls while no WebSocket can be made; see http/. */
export interface HttpChat extends Pick<ChatTransport, "unary" | "stream"> {
  /** Resolves with whether the server answers over HTTP. */
  reach(): Promise<boolean>;
}

/**
 * A transport that goes on over HTTP where a network lets no WebSocket through: while the server answers there, and until a
 * WebSocket can be made after all, which is tried all the time. When it changes between the two, streams fail with UNAVAILABLE, as
 * when a connection breaks; unary calls over HTTP, which need no connection, go on and are answered. See `withHttpFallback`.
 */
export class FallbackTransport implements ChatTransport {
  private readonly webSocket: ChatTransport;
  private readonly load: () => Promise<HttpChat>;
  private readonly listeners = new Set<StateListener>();
  private readonly unsubscribe: () => void;
  private current: ConnectionState;
  /** There while calls go over HTTP; aborting ends them. */
  private http: { readonly chat: HttpChat; readonly calls: AbortController } | undefined;
  private failures = 0;
  private wasConnected = false;
  private asking = false;
  /** Whether HTTP was the way here: then it is tried by itself when it fails, as the WebSocket is. */
  private hadHttp = false;
  private readonly backoff = new Backoff();
  /** Runs until HTTP is tried again. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(webSocket: ChatTransport, load: () => Promise<HttpChat>) {
    this.webSocket = webSocket;
    this.load = load;
    this.current = webSocket.state;
    this.unsubscribe = webSocket.subscribe((state) => this.changed(state));
  }

  get state(): ConnectionState {
    return this.current;
  }

  subscribe(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  connect(): Promise<void> {
    if (this.timer !== undefined) {
      void this.tryHttp();
    }
    return this.webSocket.connect();
  }

  close(): void {
    clearTimeout(this.timer);
    this.leaveHttp();
    this.webSocket.close();
    this.unsubscribe();
    this.set({ status: "closed" });
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    return (this.http?.chat ?? this.webSocket).unary(method, signal, timeoutMs, header, input);
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const { http } = this;
    if (!http) {
      return this.webSocket.stream(method, signal, timeoutMs, header, input);
    }
    const both = signal ? AbortSignal.any([signal, http.calls.signal]) : http.calls.signal;
    const response = await http.chat.stream(method, both, timeoutMs, header, input);
    return { ...response, message: this.watched(response.message, http, signal) };
  }

  /** Passes a stream on. If HTTP fails under it, this goes back to what the WebSocket says. */
  private async *watched<T>(
    messages: AsyncIterable<T>,
    http: FallbackTransport["http"],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T> {
    try {
      yield* messages;
    } catch (reason) {
      const error = ConnectError.from(reason);
      if (!error.isWireError && !signal?.aborted && http !== undefined && this.http === http) {
        this.http = undefined;
        this.set(this.webSocket.state);
        void this.tryHttp();
      }
      throw http?.calls.signal.aborted ? http.calls.signal.reason : error;
    }
  }

  private changed(state: ConnectionState): void {
    if (state.status === "connected") {
      this.failures = 0;
      this.wasConnected = true;
      this.hadHttp = false;
      clearTimeout(this.timer);
      this.timer = undefined;
      this.leaveHttp();
    } else if ("loss" in state && state.loss?.reason === "unreachable") {
      this.failures++;
      void this.tryHttp();
    }
    if (!this.http) {
      this.set(state);
    }
  }

  private async tryHttp(): Promise<void> {
    const isEnough = this.hadHttp || !this.wasConnected || this.failures >= triesBeforeHttp;
    if (this.http || this.asking || !isEnough) {
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asking = true;
    const chat = await this.load().catch(() => undefined);
    const isReached = (await chat?.reach()) ?? false;
    this.asking = false;
    if (this.webSocket.state.status === "connected" || this.current.status === "closed") {
      return;
    }
    if (chat && isReached) {
      this.backoff.reset();
      this.hadHttp = true;
      this.http = { chat, calls: new AbortController() };
      this.set({ status: "connected" });
    } else if (this.hadHttp) {
      this.tryHttpLater();
    }
  }

  private tryHttpLater(): void {
    const { state } = this.webSocket;
    const delayMs = this.backoff.next();
    this.timer = setTimeout(() => void this.tryHttp(), delayMs);
    if (state.status === "waiting") {
      this.set({ ...state, retryAtMs: Math.min(state.retryAtMs, Date.now() + delayMs) });
    }
  }

  private leaveHttp(): void {
    const { http } = this;
    this.http = undefined;
    http?.calls.abort(new ConnectError("the connection is another", Code.Unavailable));
  }

  private set(state: ConnectionState): void {
    this.current = state;
    for (const listener of [...this.listeners]) {
      listener(state);
    }
  }
}

/**
 * Returns a transport that goes on over HTTP where a network lets no WebSocket through: by Subscribe and unary calls of the Connect
 * protocol. What that takes is loaded when it is needed. `baseUrl` is that of the WebSocket.
 */
export function withHttpFallback(webSocket: ChatTransport, baseUrl: string): ChatTransport {
  const url = baseUrl.replace(/^ws/, "http");
  return new FallbackTransport(webSocket, async () => (await import("./http/chat.js")).httpChat(url));
}
