/** A piece of a text: words, or an address to be shown as a link. */
export type Piece = { readonly text: string; readonly href?: string };

/** An http(s) address up to white space, quotes, angle brackets or invisible direction marks. */
const address = /\bhttps?:\/\/[^\s<>"'`\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/** What ends a sentence rather than an address. */
const trailing = /[.,:;!?…*_~]+$/;

/** Cuts a text at its http and https addresses. Nothing else is interpreted; the pieces joined are the text. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const shown = trim(match[0]);
    const href = safeHref(shown);
    if (href === undefined) {
      continue;
    }
    if (match.index > end) {
      pieces.push({ text: text.slice(end, match.index) });
    }
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) {
    pieces.push({ text: text.slice(end) });
  }
  return pieces;
}

/** Takes off punctuation at the end, and a closing bracket that the address did not open. */
function trim(found: string): string {
  let shown = found;
  for (;;) {
    const before = shown;
    shown = shown.replace(trailing, "");
    for (const [open, close] of ["()", "[]", "{}"].map((pair) => [pair.charAt(0), pair.charAt(1)] as const)) {
      if (shown.endsWith(close) && count(shown, close) > count(shown, open)) {
        shown = shown.slice(0, -1);
      }
    }
    if (shown === before) {
      return shown;
    }
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

/**
 * Returns the address to follow, or undefined where a link would mislead: other schemes, no host, or credentials, which
 * make one site's address look like another's (https://bank.example@evil.example).
 */
function safeHref(shown: string): string | undefined {
  if (!URL.canParse(shown)) {
    return undefined;
  }
  const url = new URL(shown);
  const safe =
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.hostname !== "" &&
    url.username === "" &&
    url.password === "";
  return safe ? url.href : undefined;
}
