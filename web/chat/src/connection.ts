import { ConnectError } from "@connectrpc/connect";
import { ChatService, type ConnectResponse } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { ConnectionState as TransportState } from "@rialto/transport";
import { Backoff } from "@rialto/transport/reconnect";
import type { ChatError } from "./error.js";
import { isOffline, onNetworkChange } from "./page.js";
import { type Request, RequestQueue } from "./request-queue.js";
import { errorFromCall } from "./status.js";
import type { ChatTransport, TransportHolder } from "./transport.js";
import type { ConnectionState, DisconnectReason } from "./types.js";
import { judge, reasonFrom, type Verdict } from "./verdict.js";

/** How long a call may take until the session is established, in ms; connecting included. */
export const establishTimeoutMs = 15_000;

/** A session that lived this long was a good one: the next loss starts the backoff over. In ms. */
export const stableAfterMs = 10_000;

/** With more requests than these waiting to be taken by the server, what may be lost is not sent. */
export const congestedRequests = 16;

export interface ConnectionOptions {
  readonly transport: TransportHolder;
  /** The metadata of the next call. */
  header(): HeadersInit;
  /** Returns numbers in [0, 1). */
  readonly random: () => number;
  readonly events: ConnectionEvents;
}

export interface ConnectionEvents {
  /** A new call begins. What is sent now goes first. */
  opened(): void;
  received(response: ConnectResponse): void;
  /**
   * The call is gone, with everything that was not answered. Called once for each `opened`, with what the server ended
   * it for, if it said so.
   */
  lost(error: ChatError | undefined): void;
  /** The server does not accept the token. Returns true if there was one, which is forgotten now: try again without. */
  tokenRefused(): boolean;
  /** `state` is another. */
  changed(): void;
}

interface Call {
  readonly requests: RequestQueue;
  readonly abort: AbortController;
}

/**
 * Keeps one Connect call alive, until `stop` or a refusal for good. The transport sees to the connection: makes it, watches
 * it, and makes it again. This sees to the call on it: begins one with every connection, at once, and another one after a while
 * where the server ended it.
 *
 *     closed ──start──▶ connecting ──established──▶ live
 *        ▲                 │    ▲                    │
 *        │          failed │    │ time, wake, start  │ connection lost, call ended
 *        │                 ▼    │                    │
 *        ├───stop────── reconnecting ◀───────────────┘
 *        │                 │    ▲
 *        │      no network │    │ network is back
 *        │                 ▼    │
 *        └───stop──────── offline (tried all the same, at the same times)
 *
 *     from any state, when the server refuses for good ──▶ closed
 *
 * A refused token is not a failure: it is forgotten and the next call begins at once. The next one that is refused is.
 */
export class Connection {
  private readonly options: ConnectionOptions;
  private readonly backoff: Backoff;
  private current: ConnectionState = { status: "closed", reason: { code: "not-started", text: "Not connected." } };
  /** There from `start` to `stop`, with the function that stops listening. */
  private transport: { readonly use: ChatTransport; readonly leave: () => void } | undefined;
  private call: Call | undefined;
  /** Whether `opened` was called, and `lost` not yet. */
  private announced = false;
  /** What the server ended the last call for. */
  private endError: ChatError | undefined;
  /** Why there is no session. */
  private reason: DisconnectReason = { code: "not-started", text: "Not connected." };
  /** Calls that failed since a session lasted. */
  private attempt = 0;
  /** A token was refused since there was a session. */
  private isRefused = false;
  /** Runs until a call that is not established is given up, or until the next call begins at `retryAt`. */
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retryAt: number | undefined;
  /** When the session was established; undefined while it is not. By performance.now(). */
  private liveSince: number | undefined;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.backoff = new Backoff(options.random);
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** Begins, or while waiting for the next try makes it now. Otherwise no effect. */
  start(): void {
    const transport = this.transport?.use ?? this.attach();
    if (!transport) {
      return;
    }
    // How it goes is heard from its state.
    transport.connect().catch(() => undefined);
    if (this.retryAt !== undefined) {
      this.open();
    }
  }

  /** Ends everything and stays so until `start`. No effect before that. */
  stop(reason: DisconnectReason): void {
    if (!this.transport) {
      return;
    }
    this.transport.leave();
    this.transport = undefined;
    this.drop();
    this.options.transport.close();
    this.reason = reason;
    this.publish();
  }

  /** Begins a new call in place of the present one, at once. No effect while there is none. */
  restart(): void {
    if (this.call) {
      this.open();
    }
  }

  /** The peer is who it should be and has accepted us: the session is live. */
  established(): void {
    if (this.call && this.liveSince === undefined) {
      clearTimeout(this.timer);
      this.isRefused = false;
      this.liveSince = performance.now();
      this.publish();
    }
  }

  /** Gives the present call up, and tries again after the backoff. No effect without one. */
  fail(reason: DisconnectReason): void {
    if (this.call) {
      this.failed(reason);
      this.pause(0);
    }
  }

  /** Sends a request; false if there is no call. */
  send(request: Request): boolean {
    this.call?.requests.push(request);
    return this.call !== undefined;
  }

  /** Sends a request that may be lost; it is when the network is congested. */
  sendUnlessCongested(request: Request): void {
    if (this.call && this.call.requests.length <= congestedRequests) {
      this.call.requests.push(request);
    }
  }

  private attach(): ChatTransport | undefined {
    let use: ChatTransport;
    try {
      use = this.options.transport.get();
    } catch {
      this.reason = { code: "refused", text: "The server cannot be used from here." };
      this.publish();
      return undefined;
    }
    const unsubscribe = use.subscribe((state) => this.transportChanged(state));
    const unwatch = onNetworkChange(() => this.publish());
    const leave = () => {
      unsubscribe();
      unwatch();
    };
    this.transport = { use, leave };
    this.attempt = 0;
    this.isRefused = false;
    this.backoff.reset();
    // It may have been connected for a call beside the session.
    this.openIfPossible();
    return use;
  }

  private transportChanged(state: TransportState): void {
    if (state.status === "idle" && state.loss?.reason === "refused") {
      this.stop(reasonFrom(state.loss));
    } else {
      this.openIfPossible();
    }
  }

  private openIfPossible(): void {
    const status = this.transport?.use.state.status;
    const connects = status === "connecting" || status === "connected";
    if (connects && !this.call && this.retryAt === undefined) {
      this.open();
    } else {
      this.publish();
    }
  }

  private open(): void {
    this.drop();
    this.tellLoss();
    // Who heard of the loss may have ended everything, or begun it anew.
    if (!this.transport || this.call) {
      return;
    }
    const call = { requests: new RequestQueue(), abort: new AbortController() };
    const unreachable: DisconnectReason = { code: "unreachable", text: "The server cannot be reached." };
    this.call = call;
    this.announced = true;
    this.endError = undefined;
    this.timer = setTimeout(() => this.fail(unreachable), establishTimeoutMs);
    void this.run(call, this.transport.use, this.options.header());
    this.options.events.opened();
    this.publish();
  }

  private async run(call: Call, transport: ChatTransport, header: HeadersInit): Promise<void> {
    let error: ConnectError | undefined;
    try {
      const { signal } = call.abort;
      const { connect } = ChatService.method;
      const { message } = await transport.stream(connect, signal, undefined, header, call.requests);
      for await (const response of message) {
        if (this.call !== call) {
          return;
        }
        this.options.events.received(response);
      }
    } catch (reason) {
      error = ConnectError.from(reason);
    }
    if (this.call === call) {
      this.ended(error);
    }
  }

  private ended(error: ConnectError | undefined): void {
    const verdict = judge(error);
    this.endError = error?.isWireError ? errorFromCall(error) : undefined;
    const another = verdict.next === "new-identity" && this.options.events.tokenRefused();
    if (another && !this.isRefused) {
      this.isRefused = true;
      this.open();
    } else if (verdict.next === "connection") {
      this.connectionLost(verdict);
    } else if (another || verdict.next === "call") {
      this.failed(verdict.reason);
      this.pause(verdict.retryAfterMs);
    } else {
      this.stop(verdict.reason);
    }
  }

  /** The transport has another connection already, or makes one in its own time. */
  private connectionLost({ reason }: Verdict): void {
    const wasLive = this.liveSince !== undefined;
    const state = this.transport?.use.state;
    const isWaiting = state?.status === "waiting";
    this.failed(isWaiting ? reasonFrom(state.loss) : reason);
    if (isWaiting || wasLive) {
      this.openIfPossible();
    } else {
      this.pause(0);
    }
  }

  private failed(reason: DisconnectReason): void {
    if (this.liveSince !== undefined && performance.now() - this.liveSince >= stableAfterMs) {
      this.attempt = 0;
      this.backoff.reset();
    }
    this.attempt++;
    this.reason = reason;
    this.drop();
  }

  private pause(retryAfterMs: number): void {
    const delayMs = this.backoff.next(retryAfterMs);
    this.retryAt = Date.now() + delayMs;
    this.timer = setTimeout(() => {
      this.retryAt = undefined;
      this.openIfPossible();
    }, delayMs);
    this.publish();
  }

  /** Lets go of the call and the timer, whatever there is. */
  private drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.retryAt = undefined;
    this.liveSince = undefined;
    this.call?.requests.end();
    this.call?.abort.abort();
    this.call = undefined;
  }

  /** Tells the state. Always the last step, since a listener may call `start` or `stop`. */
  private publish(): void {
    const next = this.describe();
    if (!isSame(next, this.current)) {
      this.current = next;
      this.options.events.changed();
    }
    if (!this.call) {
      this.tellLoss();
    }
  }

  private tellLoss(): void {
    if (this.announced) {
      this.announced = false;
      this.options.events.lost(this.endError);
    }
  }

  private describe(): ConnectionState {
    const { attempt, reason } = this;
    if (!this.transport) {
      return { status: "closed", reason };
    }
    if (this.liveSince !== undefined) {
      return { status: "live" };
    }
    if (isOffline()) {
      return { status: "offline" };
    }
    const { state } = this.transport.use;
    const retryAt = this.retryAt ?? (state.status === "waiting" && !this.call ? state.retryAtMs : undefined);
    return retryAt === undefined ? { status: "connecting" } : { status: "reconnecting", retryAt, attempt, reason };
  }
}

function isSame(a: ConnectionState, b: ConnectionState): boolean {
  const reasonOf = (state: ConnectionState) => ("reason" in state ? state.reason : undefined);
  const retryOf = (state: ConnectionState) => (state.status === "reconnecting" ? state.retryAt : undefined);
  return a.status === b.status && reasonOf(a) === reasonOf(b) && retryOf(a) === retryOf(b);
}
