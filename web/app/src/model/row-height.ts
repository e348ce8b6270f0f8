import type { Row } from "./grouping.js";

/** How many characters are guessed to stand in a line, and how high lines and the parts around them are guessed to be. */
const charactersPerPixel = 1 / 7.5;
const lineHeight = 22;
const padding = 3;
const header = 36;
const reactions = 30;
const divider = 42;

/** Guesses how high a row will be in a timeline of this width, so that the scroll bar is about right before rows were drawn. */
export function guessHeight(row: Row, width: number): number {
  if (row.kind === "day" || row.kind === "unread") {
    return divider;
  }
  const perLine = Math.max(10, (width - 100) * charactersPerPixel);
  let lines = 0;
  for (const line of row.message.text.split("\n")) {
    lines += Math.max(1, Math.ceil(line.length / perLine));
  }
  const reacted = row.kind === "message" && row.message.reactions.length > 0;
  return padding + lines * lineHeight + (row.first ? header : 0) + (reacted ? reactions : 0);
}
