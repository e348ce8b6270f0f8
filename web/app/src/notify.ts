import { navigate } from "./hooks/use-route.js";
import type { News } from "./model/news.js";
import { routePath } from "./model/route.js";

export { NewsDesk } from "./model/news.js";

/** The most of a message that a notification shows, in characters. */
const most = 200;

/** Shows news as a notification of the system, which leads to it. */
export function show({ room, name, message }: News): void {
  const title = `${message.sender.name} · ${name}`;
  const route = { page: "room", room, seq: message.seq } as const;
  const options = {
    body: message.text.slice(0, most),
    // One for each room: the newest takes the place of the one before.
    tag: room,
    icon: "/favicon.svg",
  };
  try {
    const notification = new Notification(title, options);
    notification.onclick = () => {
      window.focus();
      navigate(route);
      notification.close();
    };
  } catch {
    // Chrome on Android has them from a service worker only, which then hears of the click: service-worker/service-worker.ts.
    void showByWorker(title, { ...options, data: routePath(route) });
  }
}

/** Does nothing where there is no service worker, or the system lets none show. */
async function showByWorker(title: string, options: NotificationOptions): Promise<void> {
  try {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.showNotification(title, options);
  } catch {
    // As documented.
  }
}
