import { ChatError, type StatusCode } from "./error.js";
import { maxTextBytes } from "./limits.js";
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

/** A body of more bytes is not even sent: it could end the session of all rooms. */
export const sendableBytes = 256 * 1024;

interface Entry {
  shown: PendingMessage;
  /** Sent on the present connection, not answered yet. */
  inFlight: boolean;
  /** The user as whom it was first sent: what the server knows it by. */
  sentBy: string | undefined;
  /** Stored at this rev; it stays here until the room's events reach it. */
  storedRev: number | undefined;
}

/**
 * A room's messages between "send" and their place in the room. Each keeps its client id through every repetition, so
 * that it ends in the room exactly once, however often the connection breaks and whoever answers first.
 */
export class Outbox {
  private readonly entries = new Map<string, Entry>();
  private view: readonly PendingMessage[] | undefined;

  /** In the order of sending. The same array until something changes. */
  get pending(): readonly PendingMessage[] {
    this.view ??= [...this.entries.values()].map(({ shown }) => shown);
    return this.view;
  }

  add(clientId: string, draft: Draft): void {
    const shown: PendingMessage = { ...draft, clientId, status: "sending", time: new Date() };
    this.entries.set(clientId, { shown, inFlight: false, sentBy: undefined, storedRev: undefined });
    this.view = undefined;
    if (byteLength(draft) > sendableBytes) {
      this.fail(clientId, new ChatError("INVALID_ARGUMENT", "The message is too long."));
    }
  }

  /** Calls `send` for each message that waits to be sent, in order, until it returns false. */
  flush(userId: string, send: (message: PendingMessage) => boolean): void {
    for (const entry of this.entries.values()) {
      const { clientId, status } = entry.shown;
      if (status === "failed" || entry.inFlight || entry.storedRev !== undefined) {
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
      if (!send(entry.shown)) {
        return;
      }
      entry.inFlight = true;
      entry.sentBy = userId;
    }
  }

  /**
   * The stream is gone: what was not answered is sent again on the next. Except a long body on a stream that ended for a
   * limit: it is what broke the stream, and would again.
   */
  lost(error: ChatError | undefined): void {
    for (const { inFlight, shown } of this.entries.values()) {
      if (inFlight && error?.code === "RESOURCE_EXHAUSTED" && byteLength(shown) > maxTextBytes) {
        this.fail(shown.clientId, error);
      }
    }
    for (const entry of this.entries.values()) {
      entry.inFlight = false;
    }
  }

  /** The server stored it, at this rev. `expected`: the room's events will still reach that rev here. */
  stored(clientId: string, rev: number, expected: boolean): void {
    const entry = this.entries.get(clientId);
    if (entry && expected) {
      entry.inFlight = false;
      entry.storedRev = rev;
    } else {
      this.forget(clientId);
    }
  }

  /** The server refused it. Returns true if it must be sent again after a while. */
  refused(clientId: string, error: ChatError): boolean {
    const entry = this.entries.get(clientId);
    if (entry) {
      entry.inFlight = false;
      if (unsettled.has(error.code)) {
        return true;
      }
      this.fail(clientId, error);
    }
    return false;
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
    this.view = undefined;
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
    }
  }

  private forget(clientId: string): void {
    if (this.entries.delete(clientId)) {
      this.view = undefined;
    }
  }
}

function byteLength({ text, data }: Draft): number {
  return data ? data.value.length : new TextEncoder().encode(text).length;
}
