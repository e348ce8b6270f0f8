/** A piece of a text: words, or an address to be shown as a link. */
export type Piece = { readonly text: string; readonly href?: string };

/** An http(s) address up to white space, quotes, angle brackets or invisible direction marks. */
const address = /\bhttps?:\/\/[^\s<>"'`\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/** What ends a sentence rather than an address. */
const sentenceEnd = new Set(".,:;!?…*_~");

const openers = new Map([
  [")", "("],
  ["]", "["],
  ["}", "{"],
]);

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

/** Takes off punctuation at the end, and closing brackets that the address did not open. One pass, from the end. */
function trim(found: string): string {
  const balance = new Map([...openers].map(([close, open]) => [close, count(found, open) - count(found, close)]));
  let end = found.length;
  for (; end > 0; end--) {
    const last = found.charAt(end - 1);
    const open = balance.get(last);
    if (open !== undefined && open < 0) {
      balance.set(last, open + 1);
    } else if (!sentenceEnd.has(last)) {
      break;
    }
  }
  return found.slice(0, end);
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
