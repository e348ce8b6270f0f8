import { Code, ConnectError } from "@connectrpc/connect";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import type { GoAway, Reset } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import type { LossReason } from "./state.js";

/** The greatest status code that gRPC defines: UNAUTHENTICATED. */
const lastCode = 16;

/** Close codes from here on are this and a gRPC code. */
const statusCloseBase = 4000;

/**
 * The close codes on which to connect again; on every other one, listed or not, a new connection would end in the same way.
 * From the table in docs/protocol.md, to which a test holds them.
 */
const retryableCloseCodes: ReadonlySet<number> = new Set([1001, 1006, 4010, 4014, 4408, 4429]);

/** Marks the cause of an error of a call that the server surely has not begun. */
class NotProcessed extends Error {
  override readonly name = "NotProcessed";

  constructor() {
    super("the server has not begun this call");
  }
}

/** Reports whether a call that failed with `error` was surely not begun, so that repeating it is safe whatever it does. */
export function isNotProcessed(error: unknown): boolean {
  return error instanceof ConnectError && error.cause instanceof NotProcessed;
}

/** Returns the error of a call that was not begun because no connection could take it. */
export function notProcessed(message: string, code: Code = Code.Unavailable): ConnectError {
  return new ConnectError(message, code, undefined, undefined, new NotProcessed());
}

/** Returns the error that a status says, or undefined for OK. `metadata` are the call's headers and trailers. */
export function errorFromStatus(status: Status | undefined, metadata: Headers): ConnectError | undefined {
  if (!status || status.code === 0) {
    return undefined;
  }
  const error = new ConnectError(status.message, codeFrom(status.code), metadata);
  error.details = status.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  error.isWireError = true;
  return error;
}

/** Returns the error of a call that the server reset. */
export function errorFromReset(reset: Reset): ConnectError {
  const code = codeFrom(reset.code === 0 ? Code.Unknown : reset.code);
  const error = reset.notProcessed ? notProcessed(reset.message, code) : new ConnectError(reset.message, code);
  error.isWireError = true;
  return error;
}

/** How a connection ended. */
export interface Verdict {
  /** What its calls fail with. */
  readonly error: ConnectError;
  /** Whether a new connection may go better. */
  readonly retry: boolean;
  /** Why, as far as the socket tells. */
  readonly reason: LossReason;
}

/** The close codes of a server, or a proxy, that goes away. */
const goingAwayCloseCodes: ReadonlySet<number> = new Set([1001, 4014]);

/**
 * Returns what the end of a socket means for the connection. Its calls that had no END are UNAVAILABLE, whatever the reason
 * (docs/protocol.md, "Connection life").
 */
export function verdictOnClose(closeCode: number, reason: string): Verdict {
  const message = `the connection ended with ${closeCode}${reason === "" ? "" : `: ${reason}`}`;
  return {
    error: new ConnectError(message, Code.Unavailable),
    retry: retryableCloseCodes.has(closeCode),
    reason: goingAwayCloseCodes.has(closeCode) ? "going-away" : "lost",
  };
}

/** Returns what a GOAWAY means for later connections. */
export function verdictOnGoAway({ code, message }: GoAway): Verdict {
  const error = new ConnectError(message || "the server is going away", code === 0 ? Code.Unavailable : codeFrom(code));
  const retry = code === 0 || retryableCloseCodes.has(statusCloseBase + code);
  return { error, retry, reason: "going-away" };
}

/** A code that gRPC does not define counts as UNKNOWN, as in https://grpc.io/docs/guides/status-codes/. */
function codeFrom(code: number): Code {
  return code >= 1 && code <= lastCode ? (code as Code) : Code.Unknown;
}
