import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { DurationSchema, durationMs } from "@bufbuild/protobuf/wkt";
import type { ChatErrorDetails, FieldViolation } from "./error.js";

// The details of errors that the SDK uses, read by hand: google/rpc/error_details.proto describes eight more kinds, and its
// description would be a good part of what every page loads.

/** A detail: the full name of its type, and the message in binary. */
export interface ErrorDetail {
  readonly type: string;
  readonly value: Uint8Array;
}

/** Returns what these details say, the first of each kind. Unknown and damaged ones are ignored. */
export function readDetails(details: readonly ErrorDetail[]): ChatErrorDetails {
  const first = <T>(type: string, read: (value: Uint8Array) => T): T | undefined => {
    const detail = details.find((candidate) => candidate.type === type);
    try {
      return detail && read(detail.value);
    } catch {
      return undefined;
    }
  };
  const retryAfterMs = first("google.rpc.RetryInfo", readRetryDelay);
  const violations = first("google.rpc.BadRequest", readViolations);
  return { ...(retryAfterMs !== undefined && { retryAfterMs }), ...(violations && { violations }) };
}

/** RetryInfo: its field 1 is a google.protobuf.Duration. */
function readRetryDelay(value: Uint8Array): number | undefined {
  const delay = fieldsOf(value).get(1)?.at(-1);
  return delay && durationMs(fromBinary(DurationSchema, delay));
}

/** BadRequest: its field 1 is repeated, and in that 1 is the field and 2 the description. */
function readViolations(value: Uint8Array): FieldViolation[] {
  const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
  return (fieldsOf(value).get(1) ?? []).map((violation) => {
    const fields = fieldsOf(violation);
    return { field: text(fields.get(1)?.at(-1)), description: text(fields.get(2)?.at(-1)) };
  });
}

/** Returns a message's fields that are strings, bytes or messages, by number. Throws for what is no message. */
function fieldsOf(message: Uint8Array): ReadonlyMap<number, readonly Uint8Array[]> {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) {
      fields.set(number, [...(fields.get(number) ?? []), reader.bytes()]);
    } else {
      reader.skip(wireType, number);
    }
  }
  return fields;
}
