import { useEffect } from "react";
import type { Directory } from "../model/directory.js";
import { notifyLevel, type Preferences } from "../model/preferences.js";
import { navigate } from "./use-route.js";

/** The most of a message that a notification shows, in characters. */
const most = 200;

/** Shows what others say as notifications of the system, while the page is not looked at, as far as the person wants it. */
export function useNotifications(directory: Directory, preferences: Preferences, myId: string | undefined): void {
  useEffect(() => {
    if (preferences.notify !== true || !("Notification" in window)) {
      return;
    }
    return directory.onNews(({ room, name, message }) => {
      const level = notifyLevel(preferences, room);
      const wanted = level === "all" || (level === "mentions" && myId !== undefined && message.mentions.includes(myId));
      if (!wanted || document.hasFocus() || Notification.permission !== "granted") {
        return;
      }
      const notification = new Notification(`${message.sender.name} · ${name}`, {
        body: message.text.slice(0, most),
        // One for each room: the newest takes the place of the one before.
        tag: room,
        icon: "/favicon.svg",
      });
      notification.onclick = () => {
        window.focus();
        navigate({ page: "room", room, seq: message.seq });
        notification.close();
      };
    });
  }, [directory, preferences, myId]);
}
