import { Code, ConnectError } from "@connectrpc/connect";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import type { GoAway, Reset } from "@rialto/gen/rialto/bridge/v1/bridge_pb";

/** The greatest status code that gRPC defines: UNAUTHENTICATED. */
const lastCode = 16;

/** Close codes of single calls are this and their gRPC code; from `connectionCloseBase` on they are the connection's. */
const statusCloseBase = 4000;
const connectionCloseBase = 4400;

/**
 * The close codes on which to connect again, by name; on every other one, known or not, a new connection would end in the
 * same way. The table in docs/protocol.md says why.
 */
const retryableCloseCodes: { readonly [code: number]: string } = {
  1001: "going away",
  1006: "connection lost",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  4010: "aborted",
  4014: "unavailable",
  4408: "first frame timeout",
  4429: "too many calls in a short time",
};

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
}

/** Returns what a close code (docs/protocol.md) means for the connection and its calls. */
export function verdictOnClose(closeCode: number, reason: string): Verdict {
  const known = retryableCloseCodes[closeCode];
  const text = known ?? "connection closed";
  const message = `${text} (${closeCode}${reason === "" ? "" : `: ${reason}`})`;
  const isStatus = closeCode > statusCloseBase && closeCode < connectionCloseBase;
  const code = isStatus ? codeFrom(closeCode - statusCloseBase) : known ? Code.Unavailable : Code.Internal;
  return { error: new ConnectError(message, code), retry: known !== undefined };
}

/** Returns what a GOAWAY means for later connections. */
export function verdictOnGoAway({ code, message }: GoAway): Verdict {
  if (code !== 0) {
    return verdictOnClose(statusCloseBase + code, message);
  }
  return { error: new ConnectError(message || "the server is going away", Code.Unavailable), retry: true };
}

/** A code that gRPC does not define counts as UNKNOWN, as in https://grpc.io/docs/guides/status-codes/. */
function codeFrom(code: number): Code {
  return code >= 1 && code <= lastCode ? (code as Code) : Code.Unknown;
}
