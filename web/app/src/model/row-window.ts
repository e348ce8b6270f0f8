/** Which rows of a list are in the document, as indices, and how many pixels stand for those before and after. */
export interface RowWindow {
  readonly from: number;
  /** One past the last. */
  readonly to: number;
  readonly before: number;
  readonly after: number;
}

/** The most rows that are in the document at once, however high the screen and however short the rows. */
export const maxRows = 180;

/**
 * Chooses the rows around one that is in sight: those that fill `ahead` pixels above it, and `view` and `ahead` pixels
 * from it on. Where there are fewer on one side, there are no more on the other: the window is only ever too large.
 */
export function rowWindow(heights: readonly number[], at: number, view: number, ahead: number): RowWindow {
  const center = Math.max(0, Math.min(at, heights.length - 1));
  let from = center;
  for (let above = 0; from > 0 && above < ahead && center - from < maxRows / 3; from--) {
    above += heights[from - 1] ?? 0;
  }
  let to = center;
  for (let below = 0; to < heights.length && below < view + ahead && to - from < maxRows; to++) {
    below += heights[to] ?? 0;
  }
  // Near the end there is not enough below: what is in sight then reaches further up.
  for (let shown = sum(heights, from, to); from > 0 && shown < view + 2 * ahead && to - from < maxRows; from--) {
    shown += heights[from - 1] ?? 0;
  }
  // Little that is left out is not left out: at the very beginning there is no space for guesses that were wrong.
  let before = sum(heights, 0, from);
  if (before < ahead && to <= maxRows) {
    from = 0;
    before = 0;
  }
  return { from, to, before, after: sum(heights, to, heights.length) };
}

/** The index of the row that covers this many pixels from the beginning of the list; the last one beyond its end. */
export function rowAt(heights: readonly number[], offset: number): number {
  let end = 0;
  for (const [i, height] of heights.entries()) {
    end += height;
    if (end > offset) {
      return i;
    }
  }
  return Math.max(0, heights.length - 1);
}

/** How many pixels the rows from one index up to another take. */
export function sum(heights: readonly number[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) {
    total += heights[i] ?? 0;
  }
  return total;
}
