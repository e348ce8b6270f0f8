import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, RetryInfoSchema } from "@rialto/gen/google/rpc/error_details_pb";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import { ChatError, type ChatErrorDetails, type FieldViolation, statusCode } from "./error.js";

/** Returns the error that a google.rpc.Status in a message says. Details of unknown types are ignored. */
export function errorFromStatus(status: Status): ChatError {
  return new ChatError(statusCode(status.code), status.message, mergeDetails(status.details.map(detailFromAny)));
}

/**
 * Returns what an `{"@end":{"status":…}}` frame says: an error, or undefined for OK. Returns "not-an-end" for any other
 * text, such as `@headers` and control frames of later versions.
 */
export function statusFromEnd(frame: string): ChatError | undefined | "not-an-end" {
  const end = property(parse(frame), "@end");
  if (!isObject(end)) {
    return "not-an-end";
  }
  const status = property(end, "status");
  const code = property(status, "code") ?? 0;
  if (code === 0) {
    return undefined;
  }
  const message = property(status, "message");
  const details = property(status, "details");
  return new ChatError(
    statusCode(typeof code === "number" ? code : -1),
    typeof message === "string" ? message : "",
    mergeDetails(Array.isArray(details) ? details.map(detailFromJson) : []),
  );
}

function detailFromAny(detail: Any): ChatErrorDetails {
  const retry = anyUnpack(detail, RetryInfoSchema);
  if (retry?.retryDelay) {
    return { retryAfterMs: durationMs(retry.retryDelay) };
  }
  const bad = anyUnpack(detail, BadRequestSchema);
  return bad ? { violations: bad.fieldViolations.map(violation) } : {};
}

// A detail in JSON is its message with "@type" beside the fields.
// https://protobuf.dev/reference/protobuf/google.protobuf/#any
function detailFromJson(detail: JsonValue): ChatErrorDetails {
  const { "@type": type, ...fields } = isObject(detail) ? detail : {};
  try {
    switch (typeof type === "string" ? type.slice(type.lastIndexOf("/") + 1) : "") {
      case RetryInfoSchema.typeName: {
        const retry = fromJson(RetryInfoSchema, fields, { ignoreUnknownFields: true });
        return retry.retryDelay ? { retryAfterMs: durationMs(retry.retryDelay) } : {};
      }
      case BadRequestSchema.typeName: {
        const bad = fromJson(BadRequestSchema, fields, { ignoreUnknownFields: true });
        return { violations: bad.fieldViolations.map(violation) };
      }
      default:
        return {};
    }
  } catch {
    // A detail that cannot be read must not hide the status itself.
    return {};
  }
}

function violation({ field, description }: FieldViolation): FieldViolation {
  return { field, description };
}

function mergeDetails(details: readonly ChatErrorDetails[]): ChatErrorDetails {
  return Object.assign({}, ...details);
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function property(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isObject(value) ? value[key] : undefined;
}
