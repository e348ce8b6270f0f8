export interface PageEvents {
  /** Somebody looks at the page again, or it came out of the back-forward cache. */
  readonly woken: () => void;
  /** The machine says that it has a network, or has none any more. */
  readonly networkChanged: () => void;
}

/** Watches the page for what tells more about a connection than its socket does. Returns the function that ends this. */
export function watchPage(events: PageEvents): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") {
    return () => undefined;
  }
  const visibility = () => {
    if (document.visibilityState === "visible") {
      events.woken();
    }
  };
  const { woken, networkChanged } = events;
  document.addEventListener("visibilitychange", visibility);
  window.addEventListener("pageshow", woken);
  window.addEventListener("online", networkChanged);
  window.addEventListener("offline", networkChanged);
  return () => {
    document.removeEventListener("visibilitychange", visibility);
    window.removeEventListener("pageshow", woken);
    window.removeEventListener("online", networkChanged);
    window.removeEventListener("offline", networkChanged);
  };
}

/** True if the machine says that it has no network. That is a hint: a server on the same machine needs none. */
export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}
