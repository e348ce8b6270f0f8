import { ConnectError } from "@connectrpc/connect";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import { ChatError, type StatusCode, statusCode } from "./error.js";
import { readDetails } from "./error-details.js";

/** What a call fails with here, in words for people. Anything else that did not come from the server cannot be read. */
const ownWords: { readonly [code in StatusCode]?: string } = {
  CANCELLED: "The client is closed.",
  DEADLINE_EXCEEDED: "The server did not answer in time.",
  UNAVAILABLE: "The connection was lost.",
};

/** Returns the error that a google.rpc.Status in a message says. Details of unknown types are ignored. */
export function errorFromStatus({ code, message, details }: Status): ChatError {
  const read = readDetails(
    details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
  );
  return new ChatError(statusCode(code), message, read);
}

/** Returns the error that a call failed with. */
export function errorFromCall(reason: unknown): ChatError {
  const error = ConnectError.from(reason);
  const code = statusCode(error.code);
  if (error.isWireError) {
    // Those without bytes are to be sent; a client has none of them.
    const details = error.details.flatMap((detail) => ("type" in detail ? [detail] : []));
    return new ChatError(code, error.rawMessage, readDetails(details));
  }
  const words = ownWords[code];
  return words === undefined
    ? new ChatError("INTERNAL", "The server's answer cannot be read.")
    : new ChatError(code, words);
}
