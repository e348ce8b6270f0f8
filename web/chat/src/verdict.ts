import { Code, type ConnectError } from "@connectrpc/connect";
import type { Loss } from "@rialto/transport";
import type { StatusCode } from "./error.js";
import { errorFromCall } from "./status.js";
import type { DisconnectReason } from "./types.js";

/** What to do after the Connect call ended, and why it did. */
export interface Verdict {
  /**
   * `connection`: it broke, and the transport sees to the next. `call`: the connection is good, call again after a while.
   * `new-identity`: the token was refused. `stop`: another try would give the same.
   */
  readonly next: "connection" | "call" | "new-identity" | "stop";
  readonly reason: DisconnectReason;
  /** The server asks for at least this delay. */
  readonly retryAfterMs: number;
}

/**
 * Statuses that say that the session was wrong in itself. All others may pass: also those for which a single call would not be
 * repeated, such as INTERNAL, since a person who waits for a chat is served best by patience.
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

const lost: DisconnectReason = { code: "lost", text: "The connection was lost." };

/** Judges how a Connect call ended; undefined is OK, which nobody asked for. */
export function judge(error: ConnectError | undefined): Verdict {
  if (error === undefined) {
    return { next: "call", reason: lost, retryAfterMs: 0 };
  }
  if (!error.isWireError) {
    return error.code === Code.Unavailable || error.code === Code.Canceled
      ? { next: "connection", reason: lost, retryAfterMs: 0 }
      : {
          next: "call",
          reason: { code: "protocol", text: "The server sent something that cannot be read." },
          retryAfterMs: 0,
        };
  }
  const { code, message, retryAfterMs = 0 } = errorFromCall(error);
  if (code === "UNAUTHENTICATED") {
    return { next: "new-identity", reason: { code: "refused", text: message }, retryAfterMs };
  }
  if (permanent.has(code)) {
    return { next: "stop", reason: { code: "refused", text: message }, retryAfterMs };
  }
  const reason: DisconnectReason =
    code === "UNAVAILABLE" || (code === "RESOURCE_EXHAUSTED" && retryAfterMs > 0)
      ? { code: "unavailable", text: "The server is restarting or busy." }
      : { code: "server-error", text: "The server ended the session." };
  return { next: "call", reason, retryAfterMs };
}

/** Says in words for people why the transport has no connection. */
export function reasonFrom({ reason, error }: Loss): DisconnectReason {
  switch (reason) {
    case "unreachable":
      return { code: "unreachable", text: "The server cannot be reached." };
    case "lost":
      return lost;
    case "silent":
      return { code: "silent", text: "The server does not answer." };
    case "going-away":
      return { code: "unavailable", text: "The server is restarting or busy." };
    case "refused":
      // A malformed address, or a page on https and a server on ws, is found before anything is sent.
      return error.code === Code.Unavailable
        ? { code: "protocol", text: "The server does not understand this client." }
        : { code: "refused", text: "The server cannot be used from here." };
  }
}
