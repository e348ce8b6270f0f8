import { useEffect, useEffectEvent } from "react";
import { notifyLevel, type Preferences } from "../model/preferences.js";
import { useSession } from "../session.js";

/**
 * Shows what others say as notifications of the system, while the page is not looked at, as far as the person wants it. Only who wants
 * that loads what it takes.
 */
export function useNotifications(preferences: Preferences): void {
  const { client, blocked, visits } = useSession();
  const isOn = preferences.notify === true;
  // What is chosen while it runs counts at once. To start anew, also for what other tabs choose, would lose what is being asked for.
  const wants = useEffectEvent((room: string, mentioned: boolean, sender?: string) => {
    return !(sender !== undefined && blocked.has(sender)) && isTold(preferences, room, mentioned);
  });
  useEffect(() => {
    if (!isOn || !("Notification" in window)) {
      return;
    }
    let isWanted = true;
    let end: (() => void) | undefined;
    import("../notify.js").then(
      ({ NewsDesk, show }) => {
        if (isWanted) {
          end = new NewsDesk(client, visits, { wants, hear: show }).start();
        }
      },
      () => undefined,
    );
    return () => {
      isWanted = false;
      end?.();
    };
  }, [client, visits, isOn]);
}

function isTold(preferences: Preferences, room: string, mentioned: boolean): boolean {
  const level = notifyLevel(preferences, room);
  const isWanted = level === "all" || (level === "mentions" && mentioned);
  return isWanted && !document.hasFocus() && Notification.permission === "granted";
}
