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
      return violation(error) ?? sentence(error.message);
    case "INTERNAL":
    case "UNKNOWN":
      return "The server made a mistake.";
    default:
      return sentence(error.message);
  }
}

/** Says what is wrong with the first field that the server names: "The text must not contain control characters." */
function violation(error: ChatError): string | undefined {
  const first = error.violations[0];
  const field = first?.field.split(".").at(-1)?.replaceAll("_", " ");
  return first && `The ${field} ${sentence(first.description).replace(/^./, (letter) => letter.toLowerCase())}`;
}

/** Makes a sentence of a phrase, as servers and libraries write them: a capital first, a full stop last. */
export function sentence(phrase: string): string {
  const capital = phrase.charAt(0).toUpperCase() + phrase.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
