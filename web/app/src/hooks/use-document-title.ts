import { useSnapshot } from "@rialto/chat/react";
import { useEffect } from "react";
import type { Directory } from "../model/directory.js";
import { notifyLevel, type Preferences } from "../model/preferences.js";

/**
 * Isolates a name in a text without markup, so that its direction ends with it (Unicode Standard Annex 9, 2.5). Plain
 * ASCII needs none, and some window managers show the marks.
 */
function isolate(name: string): string {
  return /^[ -~]*$/.test(name) ? name : `\u2068${name}\u2069`;
}

/**
 * Shows in the window's title where one is and how many messages are not read, in all rooms together but those of which one
 * wants to hear nothing; and in its icon whether there are any.
 */
export function useDocumentTitle(directory: Directory, roomId: string | undefined, preferences: Preferences): void {
  const { rooms } = useSnapshot(directory);
  const heard = rooms.filter((room) => notifyLevel(preferences, room.id) !== "none");
  const unread = heard.reduce((sum, room) => sum + room.unread, 0);
  const name = roomId === undefined ? undefined : (rooms.find((room) => room.id === roomId)?.name ?? roomId);
  const count = unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : "";
  const title = `${count}${name === undefined ? "" : `${isolate(name)} · `}Rialto`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const icon = unread > 0 ? "/favicon-unread.svg" : "/favicon.svg";
    document.querySelector('link[rel="icon"]')?.setAttribute("href", icon);
  }, [unread]);
}
