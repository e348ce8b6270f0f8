import { useCallback, useSyncExternalStore } from "react";

/** What the SDK's client and rooms, and the directory, have in common. */
interface Store<Snapshot> {
  subscribe(listener: () => void): () => void;
  getSnapshot(): Snapshot;
}

/** Returns what a store shows, and draws again when that changes. */
export function useStore<Snapshot>(store: Store<Snapshot>): Snapshot {
  const subscribe = useCallback((listener: () => void) => store.subscribe(listener), [store]);
  const getSnapshot = useCallback(() => store.getSnapshot(), [store]);
  return useSyncExternalStore(subscribe, getSnapshot);
}
