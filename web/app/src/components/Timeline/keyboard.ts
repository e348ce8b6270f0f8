import type { Row } from "../../model/grouping.js";
import type { RowWindow } from "../../model/row-window.js";

/**
 * Returns the key of the one message that Tab reaches, always one in the document: the one that had the focus last, or the newest;
 * where that is far away, one in the middle of what is drawn, which is in sight or near to it.
 */
export function keyForTab(
  rows: readonly Row[],
  { from, to }: Pick<RowWindow, "from" | "to">,
  focused: string | undefined,
): string | undefined {
  const drawn = rows.slice(from, to).filter((row) => row.kind === "message");
  const last = to === rows.length ? drawn.length - 1 : drawn.length >> 1;
  return (drawn.find((row) => row.key === focused) ?? drawn[last])?.key;
}

/**
 * Returns the key of the message that the arrow keys, Home and End lead to, if the key was pressed on a message itself and not
 * in a field or toolbar within it.
 */
export function messageByKey(event: KeyboardEvent, rows: readonly Row[]): string | undefined {
  const at = event.target;
  if (!(at instanceof HTMLElement) || !at.matches("article.message[data-seq]")) {
    return undefined;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
    return undefined;
  }
  const seq = Number(at.getAttribute("data-seq"));
  const messages = rows.filter((row) => row.kind === "message");
  const index = messages.findIndex((row) => row.message.seq === seq);
  return index < 0 ? undefined : target(event.key, index, messages)?.key;
}

function target<T>(key: string, index: number, messages: readonly T[]): T | undefined {
  switch (key) {
    case "ArrowUp":
      return messages[Math.max(0, index - 1)];
    case "ArrowDown":
      return messages[Math.min(messages.length - 1, index + 1)];
    case "Home":
      return messages[0];
    case "End":
      return messages.at(-1);
    default:
      return undefined;
  }
}
