import type {
  ClientSnapshot,
  Listener,
  Room,
  RoomSummary,
  TokenStore,
  Unsubscribe,
  WebSocketConstructor,
} from "./types.js";

export interface ChatClientOptions {
  /** Where the server is, as `wss://host` or `ws://host`, with a path if it is mounted under one. Default: the page's own host. */
  readonly baseUrl?: string;
  /** The name to show for this user. Default: the one that the server knows, or chooses. */
  readonly displayName?: string;
  /** Where the identity is kept. Default: local storage, or memory where there is none. */
  readonly tokens?: TokenStore;
  /** Default: the global one. Node 20 has none: pass that of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** A source of numbers in [0, 1) for the jitter of reconnects. Default: Math.random. */
  readonly random?: () => number;
}

/** The surface that ChatClient has. */
export declare class ChatClient {
  constructor(options?: ChatClientOptions);
  /** Starts the session and keeps it alive until `close`. While waiting to reconnect: tries now. Otherwise no effect. */
  connect(): void;
  /** Ends everything: sockets, timers, listeners, calls. `connect` starts again. */
  close(): void;
  subscribe(listener: Listener): Unsubscribe;
  getSnapshot(): ClientSnapshot;
  room(id: string): Room;
  /** Returns all rooms, newest change first. */
  listRooms(): Promise<RoomSummary[]>;
  createRoom(room: { readonly id: string; readonly title: string }): Promise<RoomSummary>;
  /** Changes the name; a live session reconnects to show it. */
  setDisplayName(name: string): void;
}
