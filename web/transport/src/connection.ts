import { Code, ConnectError } from "@connectrpc/connect";
import type { GoAway, Metadatum } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { Backoff, between, onWake, stableAfterMs } from "./reconnect.js";
import type { Session, SessionEvents } from "./session.js";
import { type ConnectionState, type Loss, StateStore } from "./state.js";
import { notProcessed, type Verdict, verdictOnGoAway } from "./status.js";

export interface ConnectionOptions {
  /** The metadata to present, fetched anew for every connection. */
  metadata(): Promise<readonly Metadatum[]>;
  /** Starts to connect. May throw when that can never succeed. */
  dial(metadata: readonly Metadatum[], events: SessionEvents): Session;
}

/** What a call needs. */
export interface SessionKind {
  /** Wait through failures. */
  readonly forReady: boolean;
  /** Whether a connection that is only being made will do; otherwise the server must have answered. */
  readonly whileConnecting: boolean;
}

interface Waiter extends SessionKind {
  resolve(session: Session): void;
  reject(error: ConnectError): void;
}

/** Timers with more fire at once (https://html.spec.whatwg.org/#timers). */
const maxTimerMs = 0x7fff_ffff;

/**
 * The connection to one server: at any time at most one session that takes calls, beside those that drain. It connects when a
 * call needs it, or always after `keep`. After a loss the calls wait for the next try; when that fails they fail with it, and
 * new ones fail at once until the delay is over.
 */
export class Connection {
  readonly store = new StateStore();
  private readonly options: ConnectionOptions;
  private readonly backoff = new Backoff();
  private readonly sessions = new Set<Session>();
  private readonly waiters = new Set<Waiter>();
  private current: Session | undefined;
  private readyAtMs: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retryAtMs = 0;
  /** No try before this, by `performance.now`: the delay, and of it what the server asked for. */
  private notBeforeMs = 0;
  private hintMs = 0;
  /** How the last session or try ended; undefined while there is a good one. */
  private loss: Loss | undefined;
  private isFailing = false;
  private isDialing = false;
  private isKept = false;
  private isClosed = false;
  private stopListening: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.options = options;
  }

  /**
   * Resolves with a session that takes calls. Rejects when none can be had, with `forReady` only when no try will help, or with
   * the signal's reason.
   */
  session(signal: AbortSignal, kind: SessionKind): Promise<Session> {
    return this.wait(kind, signal);
  }

  /** Connects now, and again whenever the connection is lost. Resolves when connected; rejects when the first try fails. */
  async keep(): Promise<void> {
    this.isKept = true;
    this.isFailing = false;
    this.hurry();
    await this.wait({ forReady: false, whileConnecting: false });
  }

  /** Presents the metadata anew on the present connection, if there is one; later ones do so anyway. */
  async authenticate(): Promise<void> {
    const session = this.current;
    if (session?.ready) {
      await session.authenticate(await this.options.metadata());
    }
  }

  /** Ends everything for good; calls fail with CANCELLED. */
  close(): void {
    this.isClosed = true;
    this.isKept = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.rejectWaiters(closedError(), () => true);
    for (const session of [...this.sessions]) {
      session.close();
    }
    this.publish();
  }

  private wait(kind: SessionKind, signal?: AbortSignal): Promise<Session> {
    if (this.isClosed) {
      return Promise.reject(closedError());
    }
    if (signal?.aborted) {
      return Promise.reject(ConnectError.from(signal.reason, Code.Canceled));
    }
    const current = this.current;
    if (current?.accepting && (kind.whileConnecting || current.ready)) {
      return Promise.resolve(current);
    }
    if (this.isFailing && !kind.forReady && performance.now() < this.notBeforeMs && this.loss) {
      const { error } = this.loss;
      return Promise.reject(notProcessed(error.rawMessage, error.code));
    }
    return new Promise((resolve, reject) => {
      const waiter = { ...kind, resolve, reject };
      this.waiters.add(waiter);
      signal?.addEventListener("abort", () => {
        this.waiters.delete(waiter);
        reject(ConnectError.from(signal.reason, Code.Canceled));
      });
      this.ensureTry();
    });
  }

  private ensureTry(): void {
    const isBusy = this.isDialing || this.timer !== undefined || this.current?.accepting;
    if (this.isClosed || isBusy || !(this.isKept || this.waiters.size > 0)) {
      this.publish();
      return;
    }
    const delayMs = this.notBeforeMs - performance.now();
    if (delayMs <= 0) {
      void this.dial();
    } else {
      this.retryAtMs = Date.now() + delayMs;
      this.timer = setTimeout(this.handleTimer, Math.min(delayMs, maxTimerMs));
    }
    this.publish();
  }

  private readonly handleTimer = () => {
    this.timer = undefined;
    void this.dial();
    this.publish();
  };

  private async dial(): Promise<void> {
    this.isDialing = true;
    const failure = await this.tryDial();
    this.isDialing = false;
    if (failure) {
      this.handleFailure(failure);
    }
    this.ensureTry();
  }

  private async tryDial(): Promise<Verdict | undefined> {
    let metadata: readonly Metadatum[];
    try {
      metadata = await this.options.metadata();
    } catch (reason) {
      return { error: ConnectError.from(reason, Code.Unavailable), retry: true, reason: "unreachable" };
    }
    try {
      if (!this.isClosed) {
        this.adopt(metadata);
      }
      return undefined;
    } catch (reason) {
      return { error: ConnectError.from(reason, Code.Internal), retry: false, reason: "refused" };
    }
  }

  private adopt(metadata: readonly Metadatum[]): void {
    const session = this.options.dial(metadata, {
      ready: () => this.handleReady(session),
      goAway: (goAway) => this.handleGoAway(session, goAway),
      closed: (verdict) => this.handleClosed(session, verdict),
    });
    this.current = session;
    this.readyAtMs = undefined;
    this.sessions.add(session);
    this.resolveWaiters(session, ({ whileConnecting }) => whileConnecting);
  }

  private handleReady(session: Session): void {
    this.readyAtMs = performance.now();
    this.isFailing = false;
    this.loss = undefined;
    this.resolveWaiters(session, () => true);
    this.publish();
  }

  private handleGoAway(session: Session, goAway: GoAway): void {
    if (session !== this.current) {
      return;
    }
    this.current = undefined;
    this.forgiveIfStable();
    this.hintMs = performance.now() + between(goAway.reconnectMinMs, goAway.reconnectMaxMs);
    const verdict = verdictOnGoAway(goAway);
    if (verdict.retry) {
      this.loss = { error: verdict.error, reason: verdict.reason };
      this.notBeforeMs = this.hintMs;
    } else {
      this.handleFailure(verdict);
    }
    this.ensureTry();
  }

  private handleClosed(session: Session, verdict: Verdict): void {
    this.sessions.delete(session);
    if (session === this.current && !this.isClosed) {
      this.current = undefined;
      this.forgiveIfStable();
      if (this.readyAtMs !== undefined && verdict.retry) {
        this.delay(verdict);
      } else {
        this.handleFailure({ ...verdict, reason: "unreachable" });
      }
    }
    this.ensureTry();
  }

  private forgiveIfStable(): void {
    if (this.readyAtMs !== undefined && performance.now() - this.readyAtMs >= stableAfterMs) {
      this.backoff.reset();
    }
  }

  /** A try has failed, or shown that another one will. */
  private handleFailure(verdict: Verdict): void {
    const { error, retry } = verdict;
    this.isFailing = true;
    this.isKept = this.isKept && retry;
    this.delay(retry ? verdict : { error, reason: "refused" });
    this.rejectWaiters(notProcessed(error.rawMessage, error.code), ({ forReady }) => !(forReady && retry));
  }

  private delay({ error, reason }: Loss): void {
    this.loss = { error, reason };
    this.notBeforeMs = Math.max(this.hintMs, performance.now() + this.backoff.next());
  }

  /** The network may have changed, or somebody looks: finds out about the connection, or tries at once. */
  private readonly handleWake = ({ type }: Event) => {
    for (const session of [...this.sessions]) {
      session.wake();
    }
    if (type === "online") {
      this.current?.networkCame();
    }
    this.hurry();
  };

  /** Makes the next try at once, or when the server wants it. */
  private hurry(): void {
    this.notBeforeMs = this.hintMs;
    if (this.timer !== undefined) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.ensureTry();
    }
  }

  private resolveWaiters(session: Session, which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.takeWaiters(which)) {
      waiter.resolve(session);
    }
  }

  private rejectWaiters(error: ConnectError, which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.takeWaiters(which)) {
      waiter.reject(error);
    }
  }

  private takeWaiters(which: (waiter: Waiter) => boolean): readonly Waiter[] {
    const taken = [...this.waiters].filter(which);
    for (const waiter of taken) {
      this.waiters.delete(waiter);
    }
    return taken;
  }

  private publish(): void {
    const isActive = this.sessions.size > 0 || this.isDialing || this.timer !== undefined;
    if (isActive) {
      this.stopListening ??= onWake(this.handleWake);
    } else {
      this.stopListening?.();
      this.stopListening = undefined;
    }
    this.store.set(this.describe());
  }

  private describe(): ConnectionState {
    if (this.isClosed) {
      return { status: "closed" };
    }
    if (this.current?.ready) {
      return { status: "connected" };
    }
    if (this.current || this.isDialing) {
      return { status: "connecting" };
    }
    if (this.timer !== undefined && this.loss) {
      return { status: "waiting", retryAtMs: this.retryAtMs, loss: this.loss };
    }
    return this.loss ? { status: "idle", loss: this.loss } : { status: "idle" };
  }
}

function closedError(): ConnectError {
  return new ConnectError("the transport was closed", Code.Canceled);
}
