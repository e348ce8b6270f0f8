/**
 * Moves the focus between the messages of a list as the arrow keys, Home and End say, and returns whether it did. Only
 * keys pressed on a message itself count, not those in a field or toolbar within.
 */
export function moveFocus(event: KeyboardEvent, list: Element | null): boolean {
  const at = event.target;
  if (list === null || !(at instanceof HTMLElement) || !at.matches("article.message[data-seq]")) {
    return false;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
    return false;
  }
  const messages = [...list.querySelectorAll<HTMLElement>("article.message[data-seq]")];
  const index = messages.indexOf(at);
  const next = target(event.key, index, messages.length);
  if (next === undefined) {
    return false;
  }
  messages[next]?.focus();
  messages[next]?.scrollIntoView({ block: "nearest" });
  return true;
}

function target(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case "ArrowUp":
      return Math.max(0, index - 1);
    case "ArrowDown":
      return Math.min(count - 1, index + 1);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
