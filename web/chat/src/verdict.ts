import type { StatusCode } from "./error.js";
import type { StreamEnd } from "./plain-stream.js";
import type { DisconnectReason } from "./types.js";

/** What to do after a session ended, and why. */
export interface Verdict {
  /** `stop`: another try would give the same. `new-identity`: the token was refused. */
  readonly next: "reconnect" | "new-identity" | "stop";
  readonly reason: DisconnectReason;
  /** The server asks for at least this delay. */
  readonly retryAfterMs: number;
}

/**
 * Statuses that say that the session was wrong in itself. All others may pass: also those which the bridge's table does
 * not repeat a single call for, such as INTERNAL, since a person who waits for a chat is served best by patience.
 */
const permanent: ReadonlySet<StatusCode> = new Set<StatusCode>([
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "FAILED_PRECONDITION",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
]);

/** Close codes of the WebSocket itself that say that the same frames would fail again; from the table in docs/protocol.md. */
const wrongFrames: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/** The close code for a call that was never started: slow, not wrong. Others from 4400 on are errors of this client. */
const firstFrameTimeout = 4408;

/** Judges how a session ended. One that ended with OK was ended by something on the way. */
export function judge({ error, from, closeCode = 0, opened }: StreamEnd): Verdict {
  const retryAfterMs = error?.retryAfterMs ?? 0;
  const reconnect = (code: DisconnectReason["code"], text: string): Verdict => ({
    next: "reconnect",
    reason: { code, text },
    retryAfterMs,
  });
  if (wrongFrames.has(closeCode) || (closeCode >= 4400 && closeCode !== firstFrameTimeout)) {
    return {
      next: "stop",
      reason: { code: "protocol", text: "The server does not understand this client." },
      retryAfterMs,
    };
  }
  if (error === undefined || from === "connection") {
    return opened
      ? reconnect("lost", "The connection was lost.")
      : reconnect("unreachable", "The server cannot be reached.");
  }
  if (error.code === "UNAUTHENTICATED") {
    return { next: "new-identity", reason: { code: "refused", text: error.message }, retryAfterMs };
  }
  if (permanent.has(error.code)) {
    return { next: "stop", reason: { code: "refused", text: error.message }, retryAfterMs };
  }
  return error.code === "UNAVAILABLE"
    ? reconnect("unavailable", "The server is restarting or busy.")
    : reconnect("server-error", "The server ended the session.");
}
