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

/** True if the machine says that it has no network. That is a hint: a server on the same machine needs none. */
export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}
