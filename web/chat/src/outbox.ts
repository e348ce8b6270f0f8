import { ChatError, type StatusCode } from "./error.js";
import { maxTextBytes } from "./limits.js";
import type { StoredMessage } from "./message-store.js";
import type { ChatMessage, DataBody, MessageOptions, PendingMessage } from "./types.js";

/** What to post. */
export interface Draft extends MessageOptions {
  readonly text: string;
  readonly data?: DataBody;
}

/** Refusals that leave open whether the message was stored: it is sent again, as the same message. */
const unsettled: ReadonlySet<StatusCode> = new Set<StatusCode>([
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "ABORTED",
]);

/** Longer than this, in ms, nobody wants to see a message "sending" because there were too many before it. */
const patienceMs = 30_000;

/** Whether a message that was refused so is to be sent again: it may be stored already, or the refusal means: not so fast. */
export function passes({ code, retryAfterMs }: ChatError): boolean {
  const tooFast = code === "RESOURCE_EXHAUSTED" && retryAfterMs !== undefined && retryAfterMs <= patienceMs;
  return unsettled.has(code) || tooFast;
}

/** How many messages are on their way at once, at most. */
const maxInFlight = 32;

/** A body of more bytes is not even sent: it could end the session of all rooms. */
export const sendableBytes = 256 * 1024;

/**
 * How long the server surely knows a message by its client id, in ms (see Publish.client_id in the API): what was written before is not
 * sent without asking, since it might be there already and be forgotten.
 */
export const idempotencyWindowMs = 30 * 24 * 60 * 60 * 1000;

/** Where the outbox keeps its messages over a reload. */
export interface OutboxKeeper {
  put(message: Omit<StoredMessage, "room">): void;
  delete(clientId: string): void;
}

interface Entry {
  shown: PendingMessage;
  /** Sent on the present connection, not answered yet. */
  inFlight: boolean;
  /** The user as whom it was first sent: what the server knows it by. */
  sentBy: string | undefined;
  /** Stored at this rev; it stays here until the room's events reach it. */
  storedRev: number | undefined;
  /** Somebody said that it is to be sent however old it is. */
  confirmed: boolean;
}

/**
 * A room's messages between "send" and their place in the room. Each keeps its client id through every repetition, so
 * that it ends in the room exactly once, however often the connection breaks and whoever answers first.
 */
export class Outbox {
  private readonly keeper: OutboxKeeper;
  private entries = new Map<string, Entry>();
  private view: readonly PendingMessage[] | undefined;
  private lastTime = 0;
  /**
   * How many may be on their way now: after a refusal that passes one alone, then twice as many with each that is stored. Else those
   * behind a refused one could be stored before it.
   */
  private window = maxInFlight;
  /** What was on its way at the last such refusal, and was not answered yet: that it is stored says nothing. */
  private readonly before = new Set<string>();

  constructor(keeper: OutboxKeeper) {
    this.keeper = keeper;
  }

  /** In the order of sending. The same array until something changes. */
  get pending(): readonly PendingMessage[] {
    this.view ??= [...this.entries.values()].map(({ shown }) => shown);
    return this.view;
  }

  add(clientId: string, draft: Draft): void {
    this.lastTime = Math.max(this.lastTime + 1, Date.now());
    const shown: PendingMessage = { ...draft, clientId, status: "sending", time: new Date(this.lastTime) };
    const entry = { shown, inFlight: false, sentBy: undefined, storedRev: undefined, confirmed: false };
    this.entries.set(clientId, entry);
    this.view = undefined;
    if (byteLength(draft) > sendableBytes) {
      this.fail(clientId, new ChatError("INVALID_ARGUMENT", "The message is too long."));
    } else {
      this.keep(entry);
    }
  }

  /** Takes up messages of an earlier visit. They go before those of this one. */
  restore(messages: readonly StoredMessage[]): void {
    const restored = messages.filter(({ clientId }) => !this.entries.has(clientId)).map(entryFrom);
    const all = [...restored, ...this.entries.values()].sort((a, b) => a.shown.time.getTime() - b.shown.time.getTime());
    this.entries = new Map(all.map((entry) => [entry.shown.clientId, entry]));
    this.view = undefined;
  }

  /** Calls `send` for each message that waits to be sent, in order, until it returns false or enough are on their way. */
  flush(userId: string, send: (message: PendingMessage) => boolean): void {
    let inFlight = [...this.entries.values()].filter((entry) => entry.inFlight).length;
    for (const entry of this.entries.values()) {
      const { clientId, status } = entry.shown;
      if (status === "failed" || entry.inFlight || entry.storedRev !== undefined) {
        continue;
      }
      if (!entry.confirmed && Date.now() - entry.shown.time.getTime() > idempotencyWindowMs) {
        this.fail(clientId, new ChatError("DEADLINE_EXCEEDED", "This was written long ago. Is it still to be sent?"));
        continue;
      }
      if (entry.sentBy !== undefined && entry.sentBy !== userId) {
        // Under another identity it would be another message, beside the one that perhaps arrived.
        this.fail(
          clientId,
          new ChatError("ABORTED", "Your identity changed before the server confirmed this message."),
        );
        continue;
      }
      if (inFlight >= this.window || !send(entry.shown)) {
        return;
      }
      inFlight++;
      entry.inFlight = true;
      if (entry.sentBy === undefined) {
        entry.sentBy = userId;
        this.keep(entry);
      }
    }
  }

  /**
   * The stream is gone: what was not answered is sent again on the next. Except a long body on a stream that ended for a
   * limit: it is what broke the stream, and would again.
   */
  lost(error: ChatError | undefined): void {
    for (const { inFlight, shown } of this.entries.values()) {
      const tooMuch = error?.code === "RESOURCE_EXHAUSTED" && error.retryAfterMs === undefined;
      if (inFlight && tooMuch && byteLength(shown) > maxTextBytes) {
        this.fail(shown.clientId, error);
      }
    }
    for (const entry of this.entries.values()) {
      entry.inFlight = false;
    }
    this.before.clear();
  }

  /** The server stored it, at this rev. `expected`: the room's events will still reach that rev here. */
  stored(clientId: string, rev: number, expected: boolean): void {
    if (!this.before.delete(clientId)) {
      this.window = Math.min(this.window * 2, maxInFlight);
    }
    const entry = this.entries.get(clientId);
    if (entry && expected) {
      entry.inFlight = false;
      entry.storedRev = rev;
      this.keeper.delete(clientId);
    } else {
      this.forget(clientId);
    }
  }

  /** The server refused it. Returns true if it must be sent again after a while. */
  refused(clientId: string, error: ChatError): boolean {
    this.before.delete(clientId);
    const entry = this.entries.get(clientId);
    if (entry) {
      entry.inFlight = false;
      if (passes(error)) {
        this.slowDown();
        return true;
      }
      this.fail(clientId, error);
    }
    return false;
  }

  private slowDown(): void {
    this.window = 1;
    for (const [clientId, { inFlight }] of this.entries) {
      if (inFlight) {
        this.before.add(clientId);
      }
    }
  }

  /** A message is in the room. If it is one of these, it is here no more. */
  seen(message: ChatMessage, userId: string | undefined): void {
    const entry = this.entries.get(message.clientId);
    if (entry && message.sender.id === (entry.sentBy ?? userId)) {
      this.forget(message.clientId);
    }
  }

  /** The room's events reached this rev: what was stored up to it has its place, be it above what is shown. */
  reached(rev: number): void {
    for (const [clientId, { storedRev }] of this.entries) {
      if (storedRev !== undefined && storedRev <= rev) {
        this.forget(clientId);
      }
    }
  }

  /** The room's events are not followed any more: what is stored needs no waiting. */
  detached(): void {
    this.reached(Number.POSITIVE_INFINITY);
  }

  /** Under a new epoch "stored" may not be true any more: everything is sent again. */
  epochChanged(): void {
    for (const entry of this.entries.values()) {
      entry.inFlight = false;
      entry.storedRev = undefined;
    }
  }

  /** Makes a failed message wait to be sent again. Returns false if it is not a failed one. */
  retry(clientId: string): boolean {
    const entry = this.entries.get(clientId);
    if (entry?.shown.status !== "failed") {
      return false;
    }
    const { error: _, ...shown } = entry.shown;
    entry.shown = { ...shown, status: "sending" };
    entry.sentBy = undefined;
    entry.confirmed = true;
    this.view = undefined;
    this.keep(entry);
    return true;
  }

  /** Forgets a failed message. Returns false if it is not a failed one. */
  discard(clientId: string): boolean {
    const failed = this.entries.get(clientId)?.shown.status === "failed";
    if (failed) {
      this.forget(clientId);
    }
    return failed;
  }

  private fail(clientId: string, error: ChatError): void {
    const entry = this.entries.get(clientId);
    if (entry) {
      entry.shown = { ...entry.shown, status: "failed", error };
      this.view = undefined;
      this.keep(entry);
    }
  }

  private forget(clientId: string): void {
    if (this.entries.delete(clientId)) {
      this.view = undefined;
      this.keeper.delete(clientId);
    }
  }

  private keep({ shown, sentBy }: Entry): void {
    const { error, status: _, time, ...draft } = shown;
    this.keeper.put({
      ...draft,
      time: time.getTime(),
      ...(sentBy !== undefined && { sentBy }),
      ...(error && { failure: { code: error.code, message: error.message } }),
    });
  }
}

function byteLength({ text, data }: Draft): number {
  return data ? data.value.length : new TextEncoder().encode(text).length;
}

function entryFrom({ room: _, sentBy, failure, time, ...draft }: StoredMessage): Entry {
  const error = failure && new ChatError(failure.code, failure.message);
  const status = error ? ("failed" as const) : ("sending" as const);
  const shown = { ...draft, time: new Date(time), status, ...(error && { error }) };
  return { shown, inFlight: false, sentBy, storedRev: undefined, confirmed: false };
}
