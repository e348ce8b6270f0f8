/** The canonical gRPC status codes, by number. https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const codeNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** A gRPC status code by name. */
export type StatusCode = (typeof codeNames)[number];

/** Returns the name of a gRPC status code; UNKNOWN for numbers that name none. */
export function statusCode(code: number): StatusCode {
  return codeNames[code] ?? "UNKNOWN";
}

/** What is wrong with one field of a request. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What an error says for programs. */
export interface ChatErrorDetails {
  /** From google.rpc.BadRequest, for INVALID_ARGUMENT. */
  readonly violations?: readonly FieldViolation[];
  /** From google.rpc.RetryInfo: how long to wait before a next try. */
  readonly retryAfterMs?: number;
}

/** A request that did not succeed, as the server says or, for UNAVAILABLE, CANCELLED and DEADLINE_EXCEEDED, as seen here. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: StatusCode;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  /** `message` is for people: the server's words, in English. */
  constructor(code: StatusCode, message: string, details: ChatErrorDetails = {}) {
    super(message);
    this.code = code;
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}
