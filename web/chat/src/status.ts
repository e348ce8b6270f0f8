import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import {
  type BadRequest,
  BadRequestSchema,
  type RetryInfo,
  RetryInfoSchema,
} from "@rialto/gen/google/rpc/error_details_pb";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import { ChatError, type ChatErrorDetails, type StatusCode, statusCode } from "./error.js";

/** What a call fails with here, in words for people. Anything else that did not come from the server cannot be read. */
const ownWords: { readonly [code in StatusCode]?: string } = {
  CANCELLED: "The client is closed.",
  DEADLINE_EXCEEDED: "The server did not answer in time.",
  UNAVAILABLE: "The connection was lost.",
};

/** Returns the error that a google.rpc.Status in a message says. Details of unknown types are ignored. */
export function errorFromStatus({ code, message, details }: Status): ChatError {
  return new ChatError(statusCode(code), message, detailsFrom(...unpack(details)));
}

/** Returns the error that a call failed with. */
export function errorFromCall(reason: unknown): ChatError {
  const error = ConnectError.from(reason);
  const code = statusCode(error.code);
  if (error.isWireError) {
    const [retryInfo] = error.findDetails(RetryInfoSchema);
    const [badRequest] = error.findDetails(BadRequestSchema);
    return new ChatError(code, error.rawMessage, detailsFrom(retryInfo, badRequest));
  }
  const words = ownWords[code];
  return words === undefined
    ? new ChatError("INTERNAL", "The server's answer cannot be read.")
    : new ChatError(code, words);
}

function unpack(details: readonly Any[]): [RetryInfo | undefined, BadRequest | undefined] {
  const find = <T>(read: (detail: Any) => T | undefined) => details.map(read).find((value) => value !== undefined);
  return [find((detail) => anyUnpack(detail, RetryInfoSchema)), find((detail) => anyUnpack(detail, BadRequestSchema))];
}

function detailsFrom(retryInfo: RetryInfo | undefined, badRequest: BadRequest | undefined): ChatErrorDetails {
  return {
    ...(retryInfo?.retryDelay && { retryAfterMs: durationMs(retryInfo.retryDelay) }),
    ...(badRequest && {
      violations: badRequest.fieldViolations.map(({ field, description }) => ({ field, description })),
    }),
  };
}
