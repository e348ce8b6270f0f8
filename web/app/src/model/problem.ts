import { ChatError } from "@rialto/chat";

/** Says in words for people why something did not succeed. */
export function problem(error: unknown): string {
  if (!(error instanceof ChatError)) {
    return "Something went wrong in this page.";
  }
  switch (error.code) {
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    case "CANCELLED":
      return "The server cannot be reached just now.";
    case "INVALID_ARGUMENT":
      return error.violations[0]?.description ?? error.message;
    case "INTERNAL":
    case "UNKNOWN":
      return "The server made a mistake.";
    default:
      return error.message;
  }
}
