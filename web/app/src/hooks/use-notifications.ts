import { useEffect } from "react";
import type { News } from "../model/news.js";
import { notifyLevel, type Preferences } from "../model/preferences.js";
import { useSession } from "../session.js";
import { navigate } from "./use-route.js";

/** The most of a message that a notification shows, in characters. */
const most = 200;

/**
 * Shows what others say as notifications of the system, while the page is not looked at, as far as the person wants it. Only who wants
 * that loads what it takes.
 */
export function useNotifications(preferences: Preferences): void {
  const { client, blocked, visits } = useSession();
  useEffect(() => {
    if (preferences.notify !== true || !("Notification" in window)) {
      return;
    }
    let isWanted = true;
    let end: (() => void) | undefined;
    import("../model/news.js").then(
      ({ NewsDesk }) => {
        if (isWanted) {
          end = new NewsDesk(client, visits, {
            wants: (room, mentioned, sender) =>
              !(sender !== undefined && blocked.has(sender)) && isTold(preferences, room, mentioned),
            hear: show,
          }).start();
        }
      },
      () => undefined,
    );
    return () => {
      isWanted = false;
      end?.();
    };
  }, [client, blocked, visits, preferences]);
}

function isTold(preferences: Preferences, room: string, mentioned: boolean): boolean {
  const level = notifyLevel(preferences, room);
  const isWanted = level === "all" || (level === "mentions" && mentioned);
  return isWanted && !document.hasFocus() && Notification.permission === "granted";
}

function show({ room, name, message }: News): void {
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
}
