// React hooks over the stores of @rialto/chat. For React 18 and later; the rest of the SDK knows nothing of it.

import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import type { ChatClient } from "./client.js";
import type { RoomsSnapshot } from "./feed-types.js";
import type {
  ConnectionState,
  Listener,
  MessageView,
  MessageViewSnapshot,
  Room,
  RoomSnapshot,
  Unsubscribe,
  User,
} from "./types.js";

/** Something that can be watched through snapshots: a client, a room, a view of messages. */
export interface SnapshotStore<T> {
  subscribe(listener: Listener): Unsubscribe;
  getSnapshot(): T;
}

const ChatContext = createContext<ChatClient | undefined>(undefined);

/** What `ChatProvider` takes. */
export interface ChatProviderProps {
  readonly client: ChatClient;
  readonly children?: ReactNode;
}

/** Gives the components in it a client. It neither connects nor closes it. */
export function ChatProvider({ client, children }: ChatProviderProps): ReactElement {
  return createElement(ChatContext.Provider, { value: client }, children);
}

/** Returns the client. Throws outside of a `ChatProvider`. */
export function useChat(): ChatClient {
  const client = useContext(ChatContext);
  if (!client) {
    throw new Error("useChat needs a ChatProvider around it");
  }
  return client;
}

/** Returns a store's snapshot, and renders again whenever it is another. */
export function useSnapshot<T>(store: SnapshotStore<T>): T {
  return useSelection(store, identity);
}

/**
 * Returns a part of a store's snapshot, and renders again only when that is another: by `Object.is`, so `select` must return
 * what the snapshot holds, or a primitive.
 */
export function useSelection<T, S>(store: SnapshotStore<T>, select: (snapshot: T) => S): S {
  const subscribe = useCallback((listener: Listener) => store.subscribe(listener), [store]);
  const get = () => select(store.getSnapshot());
  return useSyncExternalStore(subscribe, get, get);
}

/** Returns the state of the connection. */
export function useConnection(): ConnectionState {
  return useSelection(useChat(), ({ connection }) => connection);
}

/** Returns who this client is; undefined before the first connection. */
export function useUser(): User | undefined {
  return useSelection(useChat(), ({ user }) => user);
}

/** Returns this user's rooms and invitations. For a part of them: `useSelection(useChat().rooms, …)`. */
export function useRooms(): RoomsSnapshot {
  return useSnapshot(useChat().rooms);
}

/** Returns a room and joins it for as long as the component is there. For its snapshot: `useSnapshot`, `useSelection`. */
export function useRoom(id: string): Room {
  const room = useChat().room(id);
  useEffect(() => {
    room.join();
    return () => room.leave();
  }, [room]);
  return room;
}

/** Joins a room for as long as the component is there, and returns its snapshot. */
export function useRoomSnapshot(id: string): RoomSnapshot {
  return useSnapshot(useRoom(id));
}

/** Returns a view of the messages around one, for as long as the component is there; undefined at the first rendering. */
export function useAround(room: Room, seq: number): MessageView | undefined {
  const open = useCallback(() => room.around(seq), [room, seq]);
  return useView(open);
}

/** Returns a view of the answers to a message, for as long as the component is there; undefined at the first rendering. */
export function useThread(room: Room, seq: number): MessageView | undefined {
  const open = useCallback(() => room.thread(seq), [room, seq]);
  return useView(open);
}

/** Returns a view's snapshot, or that of an empty one that loads while there is none. */
export function useViewSnapshot(view: MessageView | undefined): MessageViewSnapshot {
  return useSnapshot<MessageViewSnapshot>(view ?? noView);
}

function useView(open: () => MessageView): MessageView | undefined {
  const [view, setView] = useState<MessageView>();
  useEffect(() => {
    const opened = open();
    setView(opened);
    return () => opened.close();
  }, [open]);
  return view;
}

const nothing: MessageViewSnapshot = { messages: [], hasOlder: false, hasNewer: false, loading: true };
const noView: SnapshotStore<MessageViewSnapshot> = { subscribe: () => () => undefined, getSnapshot: () => nothing };

function identity<T>(value: T): T {
  return value;
}
