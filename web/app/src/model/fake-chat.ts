import type {
  ChatMessage,
  Invitation,
  Member,
  MembersSnapshot,
  MessageViewSnapshot,
  Room,
  RoomSnapshot,
  RoomSummary,
  RoomsSnapshot,
  UserRoom,
} from "@rialto/chat";
import type { DirectoryClient } from "./directory.js";
import type { NewsClient } from "./news.js";

/** A client of which only the lists of rooms and the rooms' snapshots matter, which a test sets. */
export class FakeChat {
  /** The public rooms, or why they are not told. */
  list: RoomSummary[] | Error = [];
  readonly joined = new Map<string, number>();
  /** The rooms whose old messages were asked for, in order. */
  readonly asked: string[] = [];
  private readonly held = new Map<string, FakeRoom>();
  private readonly own = new FakeStore<RoomsSnapshot>({ rooms: [], invitations: [], loaded: false });

  readonly client: DirectoryClient & NewsClient = {
    listRooms: () => (this.list instanceof Error ? Promise.reject(this.list) : Promise.resolve(this.list)),
    subscribe: () => () => undefined,
    getSnapshot: () => ({ connection: { status: "live" }, user: { id: "me", name: "Me", guest: true } }),
    rooms: this.own,
    room: (id) => this.room(id).room,
  };

  /** What the feed tells. */
  tell(rooms: readonly UserRoom[], invitations: readonly Invitation[] = []): void {
    this.own.set({ rooms, invitations, loaded: true });
  }

  /** What a joined room shows from now on. */
  show(id: string, change: Partial<RoomSnapshot>): void {
    const { store } = this.room(id);
    store.set({ ...store.getSnapshot(), ...change });
  }

  /** Who is in a room, when it is asked for. */
  people(id: string, members: readonly Member[]): void {
    this.room(id).people = members;
  }

  private room(id: string): FakeRoom {
    const room = this.held.get(id) ?? new FakeRoom(id, this.joined, this.asked);
    this.held.set(id, room);
    return room;
  }
}

class FakeStore<T> {
  private readonly listeners = new Set<() => void>();
  private snapshot: T;

  constructor(snapshot: T) {
    this.snapshot = snapshot;
  }

  getSnapshot(): T {
    return this.snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(snapshot: T): void {
    this.snapshot = snapshot;
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

class FakeRoom {
  readonly store: FakeStore<RoomSnapshot>;
  readonly room: Room;
  people: readonly Member[] = [];

  constructor(id: string, joined: Map<string, number>, asked: string[]) {
    this.store = new FakeStore({ ...idle, id });
    const members = new FakeStore<MembersSnapshot>({ members: [], hasMore: true, loading: false });
    const count = (change: number) => joined.set(id, (joined.get(id) ?? 0) + change);
    this.room = {
      id,
      subscribe: (listener: () => void) => this.store.subscribe(listener),
      getSnapshot: () => this.store.getSnapshot(),
      join: () => count(1),
      leave: () => count(-1),
      members: {
        getSnapshot: () => members.getSnapshot(),
        load: () => {
          asked.push(id);
          members.set({ members: this.people, hasMore: false, loading: false });
          return Promise.resolve();
        },
      },
      around: () => {
        asked.push(id);
        return this.view();
      },
    } as unknown as Room;
  }

  /** A view of the messages that the room shows, a moment later. */
  private view() {
    const view = new FakeStore<MessageViewSnapshot>({ messages: [], hasOlder: false, hasNewer: false, loading: true });
    queueMicrotask(() => {
      view.set({ ...view.getSnapshot(), messages: this.store.getSnapshot().messages, loading: false });
    });
    return Object.assign(view, { close: () => undefined });
  }
}

const idle: RoomSnapshot = {
  id: "",
  title: "",
  topic: "",
  slowModeMs: 0,
  kind: "public",
  posting: "visitor",
  archived: false,
  joinRequests: false,
  retention: null,
  people: [],
  memberCount: 0,
  status: "idle",
  missing: 0,
  messages: [],
  pending: [],
  online: [],
  onlineCount: 0,
  typing: [],
  hasOlder: false,
  loadingOlder: false,
  headSeq: 0,
  readSeq: 0,
  unread: 0,
};

/** A public room, last changed in this minute. */
export function summary(id: string, minute: number, counts: Partial<RoomSummary> = {}): RoomSummary {
  const updateTime = new Date(2026, 10, 23, 12, minute);
  const room = { id, title: "", topic: "", kind: "public" as const, archived: false, people: [], memberCount: 0 };
  return { ...room, headSeq: 10, readSeq: 10, unread: 0, updateTime, ...counts };
}

/** A room of one's own, last changed in this minute. */
export function own(id: string, minute: number, more: Partial<UserRoom> = {}): UserRoom {
  return { ...summary(id, minute), me: member("me", "Me"), mentions: 0, requests: 0, ...more };
}

export function member(id: string, name: string): Member {
  return { user: { id, name, guest: true }, role: "member", muted: false };
}

export function message(seq: number, text: string, more: Partial<ChatMessage> = {}): ChatMessage {
  const sender = { id: "bo", name: "Bo", guest: true };
  const body = { text, deleted: false, clientId: "", reactions: [], mentions: [] };
  return { seq, rev: seq, sender, createTime: new Date(seq), ...body, ...more };
}
