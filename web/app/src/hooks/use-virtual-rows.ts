import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { type RowWindow, rowAt, rowWindow, sum } from "../model/row-window.js";

/** Within this many pixels of the end, a reader is at the end. */
const endSlack = 24;

/** How far beyond the view, above and below, rows are in the document: at least this, and as much as the view is high. */
const leastAhead = 600;

/**
 * What must not move: the end, or the end of the first visible row, so far from the top of the view. The row's end and not
 * its beginning, because what comes before may change how it begins: it may not be the first of its author any more.
 */
type Anchor = { readonly at: "end" } | { readonly at: "row"; readonly key: string; readonly bottom: number };

/** How far a view is scrolled, and how far it can be, in pixels. */
interface Position {
  readonly top: number;
  readonly end: number;
}

/** Around what the window lies. */
type Center = { readonly at: "end" } | { readonly at: "row"; readonly key: string };

const end = { at: "end" } as const;

/** What must be known of rows. The functions must stay the same. */
export interface RowKind<Row> {
  /** Guesses the height in pixels of a row that was not drawn yet. */
  readonly guess: (row: Row, width: number) => number;
  /** Whether a row keeps its place among the others. The name of a day does not: older messages of that day come before them. */
  readonly steady: (row: Row) => boolean;
}

export interface VirtualRows {
  /** For the element that scrolls. */
  readonly view: RefObject<HTMLDivElement | null>;
  /**
   * For the list in it, whose children are exactly the rows of the window, in order. Its padding is set
   * here, and margins must not reach out of a row.
   */
  readonly list: RefObject<HTMLOListElement | null>;
  readonly window: RowWindow;
  /** Whether the reader is at the end. */
  readonly atEnd: boolean;
  /** Goes to the end and stays there while rows arrive. */
  readonly toEnd: () => void;
  /** Puts a row in the upper part of the view, and the focus on it if asked to. */
  readonly toRow: (key: string, options?: { readonly focus?: boolean }) => void;
  /** Puts the focus on a row and brings it into view, by the shortest way. */
  readonly focusRow: (key: string) => void;
}

/**
 * Shows a window of a long list of rows of any height, and keeps what is read where it is: whatever is put before, after
 * or in between, however the view is resized, and whether guesses of heights were right. At the end it stays at the end.
 *
 * Browsers do the latter by themselves (overflow-anchor), but not all of them, and not for rows that come and go; so theirs
 * is off and this is all there is. Every row has a key of its own.
 */
export function useVirtualRows<Row extends { readonly key: string }>(
  rows: readonly Row[],
  { guess, steady }: RowKind<Row>,
  /** Whether the last row is the end, at which one stays. Otherwise more rows are on their way, and one does not move. */
  complete = true,
): VirtualRows {
  const view = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const anchor = useRef<Anchor>(end);
  /** Where the view was when the anchor was taken or put back. */
  const known = useRef<Position>({ top: 0, end: 0 });
  /**
   * By how much the space before the window is not what heights say. So small errors of guesses are set right without
   * scrolling, which would end the swing of a finger.
   */
  const error = useRef(0);
  const measured = useRef(new Map<string, number>());
  /**
   * The row that is gone to and not reached yet: it has to be drawn first. Until then an event of an earlier scrolling, such as
   * one that kept the end in sight, says nothing about where the reader wants to be.
   */
  const goal = useRef<{ readonly key: string; readonly focus: boolean }>(undefined);
  const [center, setCenter] = useState<Center>(end);
  const [size, setSize] = useState({ width: innerWidth, height: innerHeight });
  const [atEnd, setAtEnd] = useState(true);

  const indices = useMemo(() => new Map(rows.map((row, i) => [row.key, i])), [rows]);
  const heights = useCallback(
    () => rows.map((row) => measured.current.get(row.key) ?? guess(row, size.width)),
    [rows, guess, size.width],
  );
  const ahead = Math.max(leastAhead, size.height);
  const window = useMemo(() => {
    const at = center.at === "end" ? undefined : indices.get(center.key);
    return rowWindow(heights(), at ?? rows.length - 1, size.height, ahead);
  }, [heights, rows, indices, center, size.height, ahead]);
  const focused = document.activeElement?.closest("li") ?? null;
  // What event listeners see: the last drawing.
  const drawn = useRef({ rows, indices, heights, window, ahead, complete });

  /** The element of a row, if it is in the document. */
  const element = useCallback((key: string): Element | undefined => {
    const { indices, window } = drawn.current;
    const index = indices.get(key);
    return index === undefined ? undefined : list.current?.children[index - window.from];
  }, []);

  const restore = useCallback(() => {
    const scroller = view.current;
    const held = anchor.current;
    if (scroller === null) {
      return;
    }
    const scrolled = scrolledSince(scroller, known.current);
    if (held.at === "end") {
      if (scrolled >= -endSlack) {
        scroller.scrollTop = scroller.scrollHeight;
      }
    } else {
      const row = element(held.key);
      const moved = row === undefined ? 0 : bottomIn(scroller, row) - (held.bottom - scrolled);
      if (absorbs(drawn.current.window, error.current - moved)) {
        error.current -= moved;
        pad(list.current, drawn.current.window, error.current);
      } else if (moved !== 0) {
        scroller.scrollTop += moved;
      }
    }
    known.current = { ...position(scroller), top: scroller.scrollTop - scrolled };
  }, [element]);

  const measure = useCallback(() => {
    const { rows, window } = drawn.current;
    for (const [i, child] of [...(list.current?.children ?? [])].entries()) {
      const row = rows[window.from + i];
      if (row !== undefined) {
        measured.current.set(row.key, child.getBoundingClientRect().height);
      }
    }
  }, []);

  /** Takes where the reader is now as what must not move, and moves the window if the reader is far from its middle. */
  const hold = useCallback(() => {
    const scroller = view.current;
    const content = list.current;
    if (scroller === null || content === null || goal.current !== undefined) {
      return;
    }
    const { rows, window, heights, ahead, complete } = drawn.current;
    known.current = position(scroller);
    const left = known.current.end - known.current.top;
    if (complete && left <= endSlack && window.to === rows.length) {
      anchor.current = end;
      setCenter((before) => (before.at === "end" ? before : end));
      setAtEnd(true);
      return;
    }
    setAtEnd(false);
    const steadyFrom = (from: number) => {
      const after = rows.slice(from, from + 3).findIndex(steady);
      return from + Math.max(0, after);
    };
    const visible = firstVisible(scroller, content);
    if (visible === undefined) {
      // A leap beyond what is in the document, as with the scroll bar: the guesses say what is there.
      const offset = -content.getBoundingClientRect().top + scroller.getBoundingClientRect().top;
      const guesses = heights();
      const index = steadyFrom(rowAt(guesses, offset));
      const row = rows[index];
      if (row !== undefined) {
        anchor.current = { at: "row", key: row.key, bottom: sum(guesses, 0, index + 1) - offset };
        flushSync(() => setCenter({ at: "row", key: row.key }));
      }
      return;
    }
    const index = steadyFrom(window.from + visible);
    const row = rows[index];
    const child = content.children[index - window.from];
    if (row === undefined || child === undefined) {
      return;
    }
    anchor.current = { at: "row", key: row.key, bottom: bottomIn(scroller, child) };
    setCenter((before) => {
      const center = before.at === "end" ? undefined : element(before.key);
      const near = center !== undefined && Math.abs(bottomIn(scroller, center)) < ahead / 2;
      return near ? before : { at: "row", key: row.key };
    });
  }, [element, steady]);

  const toEnd = useCallback(() => {
    goal.current = undefined;
    anchor.current = end;
    setAtEnd(true);
    setCenter(end);
    restore();
  }, [restore]);

  const toRow = useCallback((key: string, { focus = false } = {}) => {
    const scroller = view.current;
    if (scroller !== null) {
      anchor.current = { at: "row", key, bottom: scroller.clientHeight / 3 };
      goal.current = { key, focus };
      // Until the scrolling shows that it is the end after all.
      setAtEnd(false);
      // A new object, so that it is drawn again wherever the window was.
      setCenter({ at: "row", key });
    }
  }, []);

  const focusRow = useCallback(
    (key: string) => {
      const row = element(key);
      if (row === undefined) {
        toRow(key, { focus: true });
      } else {
        focusable(row)?.focus({ preventScroll: true });
        row.scrollIntoView({ block: "nearest" });
      }
    },
    [element, toRow],
  );

  useLayoutEffect(() => {
    drawn.current = { rows, indices, heights, window, ahead, complete };
    error.current = absorbs(window, error.current) ? error.current : 0;
    pad(list.current, window, error.current);
    measure();
    restore();
    const reached = goal.current === undefined ? undefined : element(goal.current.key);
    const focus = goal.current?.focus ?? false;
    if (reached !== undefined) {
      goal.current = undefined;
    }
    if (reached !== undefined && focus) {
      focusable(reached)?.focus({ preventScroll: true });
    } else if (focused !== null && !focused.isConnected && document.activeElement === document.body) {
      // The row that had the focus left the document: the keyboard goes on from here.
      view.current?.focus({ preventScroll: true });
    }
  });

  useEffect(() => {
    const scroller = view.current;
    const content = list.current;
    if (scroller === null || content === null) {
      return;
    }
    const resized = () => {
      const { clientWidth: width, clientHeight: height } = scroller;
      setSize((before) => {
        if (before.width !== width) {
          measured.current.clear();
        }
        return before.width === width && before.height === height ? before : { width, height };
      });
      measure();
      restore();
    };
    const observer = new ResizeObserver(resized);
    observer.observe(scroller);
    observer.observe(content);
    scroller.addEventListener("scroll", hold, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener("scroll", hold);
    };
  }, [measure, restore, hold]);

  return { view, list, window, atEnd, toEnd, toRow, focusRow };
}

function position(view: Element): Position {
  return { top: view.scrollTop, end: view.scrollHeight - view.clientHeight };
}

/**
 * How many pixels the person scrolled, of which no event came yet. What a view was moved because it had become too short is
 * none of that.
 */
function scrolledSince(view: Element, known: Position): number {
  const now = position(view);
  return now.top < known.top && now.top >= now.end - 1 ? 0 : now.top - known.top;
}

/** How large the error of the space before the window may become, in pixels. */
const mostError = 500;

/** Whether the space before the window can be so wrong: where nothing is left out, it must be none. */
function absorbs({ from, before }: RowWindow, error: number): boolean {
  return from > 0 && before + error > 0 && Math.abs(error) <= mostError;
}

function pad(list: HTMLElement | null, { before, after }: RowWindow, error: number): void {
  if (list !== null) {
    list.style.paddingBlock = `${before + error}px ${after}px`;
  }
}

/** What in a row takes the focus for it. */
function focusable(row: Element | undefined): HTMLElement | null | undefined {
  return row?.querySelector<HTMLElement>("[tabindex]");
}

/** The distance of a row's end from the top of the view. */
function bottomIn(view: Element, row: Element): number {
  return row.getBoundingClientRect().bottom - view.getBoundingClientRect().top;
}

/** The place of the first row that reaches into the view. Rows are ordered, so few need to be measured. */
function firstVisible(view: Element, list: Element): number | undefined {
  const { top, bottom } = view.getBoundingClientRect();
  let from = 0;
  let to = list.children.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const row = list.children[middle];
    if (row !== undefined && row.getBoundingClientRect().bottom > top) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  const row = list.children[from];
  const visible = row !== undefined && row.getBoundingClientRect().top < bottom;
  return visible ? from : undefined;
}
