import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ChatService,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
} from "@rialto/gen/rialto/chat/v1/chat_pb";
import { Backoff } from "./backoff.js";
import type { ChatError } from "./error.js";
import { Liveness } from "./liveness.js";
import { isOffline, watchPage } from "./page.js";
import { methodUrl } from "./plain-call.js";
import { PlainStream, type StreamEnd } from "./plain-stream.js";
import type { ConnectionState, DisconnectReason, WebSocketConstructor } from "./types.js";
import { judge } from "./verdict.js";

/** How long a try may take until the session is established, in ms. */
export const connectTimeoutMs = 15_000;

/** A session that lived this long was a good one: the next loss starts the backoff over. In ms. */
export const stableAfterMs = 10_000;

/** Above this many bytes that the network did not take yet, what may be lost is not sent. */
export const congestedBytes = 1024 * 1024;

export type Request = MessageInitShape<typeof ConnectRequestSchema>;

/** The time between two tries; moments are in ms since 1970. */
interface Pause {
  readonly retryAt: number;
  /** The earliest moment that the server agrees to. */
  readonly notBefore: number;
  readonly reason: DisconnectReason;
}

export interface ConnectionOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly baseUrl: string;
  /** Returns numbers in [0, 1). */
  readonly random: () => number;
  readonly events: ConnectionEvents;
}

export interface ConnectionEvents {
  /** A new stream is open. What is sent now goes first. */
  opened(): void;
  received(response: ConnectResponse): void;
  /**
   * The stream is gone, with everything that was not answered. Called once for each `opened`, with what the server ended
   * it for, if it said so.
   */
  lost(error: ChatError | undefined): void;
  /** The server does not accept the token. Returns true if there was one, which is forgotten now: try again without. */
  tokenRefused(): boolean;
  /** `state` is another. */
  changed(): void;
}

/**
 * Keeps one Connect stream alive: one socket at a time, tried again and again until `stop` or a refusal for good.
 *
 *     closed ──start──▶ connecting ──established──▶ live
 *        ▲                 │    ▲                    │
 *        │          failed │    │ time, wake, start  │ lost, silent, drain
 *        │                 ▼    │                    │
 *        ├───stop────── reconnecting ◀───────────────┘
 *        │                 │    ▲
 *        │      no network │    │ network is back
 *        │                 ▼    │
 *        └───stop──────── offline (tried all the same, at the same times)
 *
 *     from any state, when the server refuses for good ──▶ closed
 *
 * A refused token is not a failure: it is forgotten and the next try starts at once.
 */
export class Connection {
  private readonly options: ConnectionOptions;
  private readonly backoff: Backoff;
  private readonly liveness: Liveness;
  private current: ConnectionState = { status: "closed", reason: { code: "not-started", text: "Not connected." } };
  private stream: PlainStream | undefined;
  /** Whether `opened` was called, and `lost` not yet. */
  private announced = false;
  /** What the server ended the last stream for. */
  private endError: ChatError | undefined;
  /** Runs while connecting (until a try is given up) and while waiting (until the next). */
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** There from `start` to `stop`. */
  private unwatchPage: (() => void) | undefined;
  /** When the session was established; undefined while it is not. By performance.now(). */
  private liveSince: number | undefined;
  /** There while waiting for the next try. */
  private waiting: Pause | undefined;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.backoff = new Backoff(options.random);
    this.liveness = new Liveness({
      probe: () => {
        this.send({});
      },
      dead: () => this.fail({ code: "silent", text: "The server does not answer." }),
    });
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** Begins, or while waiting for the next try makes it now. Otherwise no effect. */
  start(): void {
    if (this.current.status === "closed") {
      this.unwatchPage = watchPage({ woken: () => this.wake(), networkChanged: () => this.networkChanged() });
      this.backoff.reset();
      this.connect();
    } else if (this.waiting) {
      this.connect();
    }
  }

  /** Ends everything and stays so until `start`. No effect before that. */
  stop(reason: DisconnectReason): void {
    if (!this.unwatchPage) {
      return;
    }
    this.unwatchPage();
    this.unwatchPage = undefined;
    this.drop();
    this.set({ status: "closed", reason });
  }

  /** Begins a new session in place of the present one, at once. No effect while there is none. */
  restart(): void {
    if (this.stream) {
      this.connect();
    }
  }

  /** The peer is who it should be and has accepted us: the session is live. */
  established(): void {
    if (this.liveSince === undefined) {
      clearTimeout(this.timer);
      this.liveSince = performance.now();
      this.liveness.start();
      this.set({ status: "live" });
    }
  }

  /** Gives the present session up, as if it had broken, and tries again after the backoff. No effect without one. */
  fail(reason: DisconnectReason): void {
    if (this.stream) {
      this.retry(reason, 0);
    }
  }

  /** Sends a request; false if there is no open stream. */
  send(request: Request): boolean {
    if (!this.stream?.open) {
      return false;
    }
    this.stream.send(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, request)));
    return true;
  }

  /** Sends a request that may be lost; it is when the network is congested. */
  sendUnlessCongested(request: Request): void {
    if (this.stream && this.stream.bufferedAmount <= congestedBytes) {
      this.send(request);
    }
  }

  private connect(): void {
    this.drop();
    const { WebSocket, baseUrl, events } = this.options;
    try {
      this.stream = new PlainStream({
        WebSocket,
        url: methodUrl(baseUrl, ChatService.method.connect),
        onOpen: () => {
          this.announced = true;
          this.endError = undefined;
          events.opened();
        },
        onMessage: (message) => this.receive(message),
        onEnd: (end) => this.ended(end),
      });
    } catch {
      // A malformed address, or a page on https and a server on ws: it stays so.
      this.stop({ code: "refused", text: "The server's address cannot be used from here." });
      return;
    }
    const timedOut: DisconnectReason = { code: "unreachable", text: "The server cannot be reached." };
    this.timer = setTimeout(() => this.retry(timedOut, 0), connectTimeoutMs);
    this.set(isOffline() ? { status: "offline" } : { status: "connecting" });
  }

  private receive(message: Uint8Array): void {
    this.liveness.heard();
    let response: ConnectResponse;
    try {
      response = fromBinary(ConnectResponseSchema, message);
    } catch {
      this.fail({ code: "protocol", text: "The server sent something that cannot be read." });
      return;
    }
    this.options.events.received(response);
  }

  private ended(end: StreamEnd): void {
    const { next, reason, retryAfterMs } = judge(end);
    this.endError = end.from === "server" ? end.error : undefined;
    if (next === "reconnect") {
      this.retry(reason, retryAfterMs);
    } else if (next === "new-identity" && this.options.events.tokenRefused()) {
      this.connect();
    } else {
      this.stop(reason);
    }
  }

  private retry(reason: DisconnectReason, retryAfterMs: number): void {
    if (this.liveSince !== undefined && performance.now() - this.liveSince >= stableAfterMs) {
      this.backoff.reset();
    }
    this.drop();
    const now = Date.now();
    const delayMs = this.backoff.next(retryAfterMs);
    this.wait({ retryAt: now + delayMs, notBefore: now + retryAfterMs, reason });
  }

  private wait(pause: Pause): void {
    this.waiting = pause;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), Math.max(0, pause.retryAt - Date.now()));
    const { retryAt, reason } = pause;
    const { attempt } = this.backoff;
    this.set(isOffline() ? { status: "offline" } : { status: "reconnecting", retryAt, attempt, reason });
  }

  /** Somebody is looking: no waiting beyond what the server asked for, and no trust in a silent socket. */
  private wake(): void {
    if (this.waiting && this.waiting.notBefore <= Date.now()) {
      this.connect();
    } else if (this.waiting) {
      this.wait({ ...this.waiting, retryAt: this.waiting.notBefore });
    } else if (this.liveSince !== undefined) {
      this.liveness.wake();
    }
  }

  private networkChanged(): void {
    if (isOffline() && this.waiting) {
      this.wait(this.waiting);
    } else if (this.current.status === "offline" && !this.waiting) {
      // A try that began without a network may hang until it times out.
      this.connect();
    } else {
      this.wake();
    }
  }

  /** Lets go of the socket and the timers, whatever there is. */
  private drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = undefined;
    this.liveSince = undefined;
    this.liveness.stop();
    this.stream?.close();
    this.stream = undefined;
  }

  /** Tells the new state. Always the last step, since a listener may call `start` or `stop`. */
  private set(state: ConnectionState): void {
    this.current = state;
    this.options.events.changed();
    if (this.announced && !this.stream?.open) {
      this.announced = false;
      this.options.events.lost(this.endError);
    }
  }
}
