import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Within this many pixels of the end, a reader is at the end. */
const endSlack = 24;

/**
 * What must not move: the end, or the end of the first visible row, so far from the top of the view. The row's end and not
 * its beginning, because what comes before may change how it begins: it may not be the first of its author any more.
 */
type Anchor = { readonly at: "end" } | { readonly at: "row"; readonly row: Element; readonly bottom: number };

export interface AnchoredScroll {
  /** For the element that scrolls. */
  readonly view: RefObject<HTMLDivElement | null>;
  /** For the list in it, whose children are the rows. */
  readonly list: RefObject<HTMLOListElement | null>;
  /** Whether the reader is at the end. */
  readonly atEnd: boolean;
  /** Goes to the end and stays there while rows arrive. */
  readonly toEnd: () => void;
  /** Puts a row in the upper part of the view. */
  readonly toRow: (row: Element) => void;
}

/**
 * Keeps what is read where it is, whatever is put before, after or in between, and however the view is resized. At the
 * end it stays at the end.
 *
 * Browsers do this by themselves (overflow-anchor), but not all of them; so theirs is off and this is all there is.
 * `rows` is compared by identity: a new one means that rows may have changed.
 */
export function useAnchoredScroll(rows: unknown): AnchoredScroll {
  const view = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const anchor = useRef<Anchor>({ at: "end" });
  const [atEnd, setAtEnd] = useState(true);

  const restore = useCallback(() => {
    const element = view.current;
    if (element === null) {
      return;
    }
    const held = anchor.current;
    if (held.at === "end") {
      element.scrollTop = element.scrollHeight;
    } else if (held.row.isConnected) {
      element.scrollTop += bottomIn(element, held.row) - held.bottom;
    }
  }, []);

  const hold = useCallback(() => {
    const element = view.current;
    if (element === null || list.current === null) {
      return;
    }
    const end = element.scrollHeight - element.scrollTop - element.clientHeight <= endSlack;
    const row = end ? undefined : firstVisible(element, list.current);
    anchor.current = row === undefined ? { at: "end" } : { at: "row", row, bottom: bottomIn(element, row) };
    setAtEnd(row === undefined);
  }, []);

  const toEnd = useCallback(() => {
    anchor.current = { at: "end" };
    setAtEnd(true);
    restore();
  }, [restore]);

  const toRow = useCallback(
    (row: Element) => {
      const element = view.current;
      if (element !== null) {
        anchor.current = { at: "row", row, bottom: element.clientHeight / 4 };
        restore();
        hold();
      }
    },
    [restore, hold],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows is what this waits for.
  useLayoutEffect(restore, [rows, restore]);

  useEffect(() => {
    const element = view.current;
    const content = list.current;
    if (element === null || content === null) {
      return;
    }
    const observer = new ResizeObserver(restore);
    observer.observe(element);
    observer.observe(content);
    element.addEventListener("scroll", hold, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", hold);
    };
  }, [restore, hold]);

  return { view, list, atEnd, toEnd, toRow };
}

/** The distance of a row's end from the top of the view. */
function bottomIn(view: Element, row: Element): number {
  return row.getBoundingClientRect().bottom - view.getBoundingClientRect().top;
}

/** The first row that reaches into the view. Rows are ordered, so few need to be measured. */
function firstVisible(view: Element, list: Element): Element | undefined {
  const top = view.getBoundingClientRect().top;
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
  return list.children[from];
}
