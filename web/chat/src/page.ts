/** Calls the listener when the machine says that it has a network, or has none any more. Returns the function that ends this. */
export function onNetworkChange(listener: () => void): () => void {
  if (typeof window === "undefined") {
    return () => undefined;
  }
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}

/**
 * Calls the listener when somebody looks at the page again, or it comes back from where pages are kept. Returns the function
 * that ends this.
 */
export function onWake(listener: () => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") {
    return () => undefined;
  }
  const visible = () => {
    if (document.visibilityState === "visible") {
      listener();
    }
  };
  window.addEventListener("pageshow", listener);
  document.addEventListener("visibilitychange", visible);
  return () => {
    window.removeEventListener("pageshow", listener);
    document.removeEventListener("visibilitychange", visible);
  };
}

/** True if the machine says that it has no network. That is a hint: a server on the same machine needs none. */
export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}
