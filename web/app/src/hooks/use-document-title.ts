import { useEffect } from "react";
import type { Directory } from "../model/directory.js";
import { useStore } from "./use-store.js";

/**
 * Isolates a name in a text without markup, so that its direction ends with it (Unicode Standard Annex 9, 2.5). Plain
 * ASCII needs none, and some window managers show the marks.
 */
function isolate(name: string): string {
  return /^[ -~]*$/.test(name) ? name : `\u2068${name}\u2069`;
}

/** Shows in the window's title where one is and how many messages are not read, in all rooms together. */
export function useDocumentTitle(directory: Directory, roomId: string | undefined): void {
  const { rooms } = useStore(directory);
  const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
  const name = roomId === undefined ? undefined : (rooms.find((room) => room.id === roomId)?.name ?? roomId);
  const count = unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : "";
  const title = `${count}${name === undefined ? "" : `${isolate(name)} · `}Rialto`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
