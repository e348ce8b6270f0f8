import type { ChatMessage, MessageView, PendingMessage, Room, RoomSnapshot } from "@rialto/chat";
import { useMemo, useSyncExternalStore } from "react";

/** What of a room is shown: its newest messages, or those around one that lies far above them. Without gaps. */
export interface Stretch {
  readonly messages: readonly ChatMessage[];
  readonly pending: readonly PendingMessage[];
  /** Whether the messages are there, or are known not to be; undefined: they do not come. */
  readonly known: boolean | undefined;
  readonly hasOlder: boolean;
  /** True in the past only: what follows is not here. */
  readonly hasNewer: boolean;
  readonly loading: boolean;
  /** Rejects with ChatError. */
  readonly loadOlder: () => Promise<void>;
  readonly loadNewer: () => Promise<void>;
}

const nothing = { subscribe: () => () => undefined, getSnapshot: () => undefined };

/** Returns the stretch around a message, or the newest one if there is no `past`. */
export function useStretch(room: Room, snapshot: RoomSnapshot, past: MessageView | undefined): Stretch {
  const store = useMemo(() => (past === undefined ? nothing : bound(past)), [past]);
  const view = useSyncExternalStore(store.subscribe, store.getSnapshot);
  const ways = useMemo(() => waysOf(room, past), [room, past]);
  if (view === undefined) {
    const { messages, pending, status, error, hasOlder, loadingOlder } = snapshot;
    const here = status === "live" || status === "catching-up" || messages.length > 0;
    const known = here || (error === undefined ? false : undefined);
    return { messages, pending, known, hasOlder, hasNewer: false, loading: loadingOlder, ...ways };
  }
  const { messages, hasOlder, hasNewer, loading } = view;
  const known = messages.length > 0 || (!loading && view.error === undefined);
  return { messages, pending: hasNewer ? [] : snapshot.pending, known, hasOlder, hasNewer, loading, ...ways };
}

function bound(view: MessageView) {
  return { subscribe: (listener: () => void) => view.subscribe(listener), getSnapshot: () => view.getSnapshot() };
}

function waysOf(room: Room, past: MessageView | undefined): Pick<Stretch, "loadOlder" | "loadNewer"> {
  if (past === undefined) {
    return { loadOlder: () => room.loadOlder(), loadNewer: () => Promise.resolve() };
  }
  const check = () => {
    const { error } = past.getSnapshot();
    if (error !== undefined) {
      throw error;
    }
  };
  return { loadOlder: () => past.loadOlder().then(check), loadNewer: () => past.loadNewer().then(check) };
}
