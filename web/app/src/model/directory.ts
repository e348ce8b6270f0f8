import type { ChatClient, ChatMessage, Invitation, Room, RoomKind, RoomSnapshot, RoomSummary } from "@rialto/chat";
import { problem } from "./problem.js";

/** A room in the list. */
export interface DirectoryEntry {
  readonly id: string;
  /** What to call it: its title, or its id. */
  readonly name: string;
  readonly kind: RoomKind;
  /** Messages not read yet, 0 in rooms that this user never opened: news from strangers' rooms is no news. */
  readonly unread: number;
  /** How many of them mention this user, as far as this page knows. */
  readonly mentions: number;
  /** The newest change; undefined in an untouched room. */
  readonly activity: Date | undefined;
}

export interface DirectorySnapshot {
  /** Newest activity first. */
  readonly rooms: readonly DirectoryEntry[];
  /** What this user is invited to. */
  readonly invitations: readonly Invitation[];
  /** False until the server answered for the first time. */
  readonly loaded: boolean;
  /** Why the last refresh failed. */
  readonly error?: string;
}

/** Something that was just said by somebody else in a joined room. */
export interface News {
  readonly room: string;
  /** What the room is called. */
  readonly name: string;
  readonly message: ChatMessage;
}

/** What is used of a client. */
export type DirectoryClient = Pick<ChatClient, "listRooms" | "listInvitations" | "room" | "subscribe" | "getSnapshot">;

/** How many rooms stay joined after they were left, so that they are current when one comes back. */
const keptRooms = 8;

/** How often rooms that are not joined are asked for, while the page is to be seen. */
const refreshMs = 20_000;

/**
 * The list of rooms: a page from the server now and then, made current by what joined rooms know.
 *
 * Shaped for useSyncExternalStore. `start` and the function it returns bracket all timers, listeners and joins.
 */
export class Directory {
  private readonly client: DirectoryClient;
  private readonly listeners = new Set<() => void>();
  private readonly newsListeners = new Set<(news: News) => void>();
  /** Rooms visited, the latest last, each with how to let it go. */
  private readonly kept = new Map<string, { room: Room; release: () => void }>();
  private summaries: readonly RoomSummary[] = [];
  private invitations: readonly Invitation[] = [];
  private snapshot: DirectorySnapshot = { rooms: [], invitations: [], loaded: false };
  private refreshing = false;

  constructor(client: DirectoryClient) {
    this.client = client;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getSnapshot(): DirectorySnapshot {
    return this.snapshot;
  }

  /** Calls the listener for everything that others say in joined rooms from now on. Returns the function that ends this. */
  onNews(listener: (news: News) => void): () => void {
    this.newsListeners.add(listener);
    return () => this.newsListeners.delete(listener);
  }

  /** Starts to refresh: whenever the connection comes alive or the page is looked at, and now and then. */
  start(): () => void {
    let live = false;
    const onConnection = () => {
      const now = this.client.getSnapshot().connection.status === "live";
      if (now && !live) {
        void this.refresh();
      }
      live = now;
    };
    const ifVisible = () => {
      if (live && document.visibilityState === "visible") {
        void this.refresh();
      }
    };
    const unsubscribe = this.client.subscribe(onConnection);
    document.addEventListener("visibilitychange", ifVisible);
    const timer = setInterval(ifVisible, refreshMs);
    onConnection();
    return () => {
      unsubscribe();
      document.removeEventListener("visibilitychange", ifVisible);
      clearInterval(timer);
      for (const { release } of this.kept.values()) {
        release();
      }
      this.kept.clear();
    };
  }

  /** Joins a room and keeps it joined until `keptRooms` others were visited after it. Returns it. */
  visit(id: string): Room {
    const kept = this.kept.get(id) ?? this.keep(id);
    this.kept.delete(id);
    this.kept.set(id, kept);
    for (const [oldest, { release }] of this.kept) {
      if (this.kept.size <= keptRooms) {
        break;
      }
      this.kept.delete(oldest);
      release();
    }
    this.rebuild();
    return kept.room;
  }

  /** Asks the server for the list now. Never rejects: a failure is in the snapshot. */
  async refresh(): Promise<void> {
    if (this.refreshing) {
      return;
    }
    this.refreshing = true;
    try {
      [this.summaries, this.invitations] = await Promise.all([this.client.listRooms(), this.client.listInvitations()]);
      this.rebuild({ loaded: true });
    } catch (error) {
      this.rebuild({ error: problem(error) });
    } finally {
      this.refreshing = false;
    }
  }

  private keep(id: string): { room: Room; release: () => void } {
    const room = this.client.room(id);
    room.join();
    let head: number | undefined;
    const unsubscribe = room.subscribe(() => {
      this.rebuild();
      const snapshot = room.getSnapshot();
      const before = head;
      // What is caught up with after a break is old by then, but was not told yet.
      head = snapshot.status === "live" ? snapshot.headSeq : head;
      if (before !== undefined && head !== undefined && head > before) {
        this.tell(snapshot, before);
      }
    });
    const release = () => {
      unsubscribe();
      room.leave();
    };
    return { room, release };
  }

  private tell(snapshot: RoomSnapshot, before: number): void {
    const me = this.client.getSnapshot().user?.id;
    const name = snapshot.title === "" ? snapshot.id : snapshot.title;
    for (const message of snapshot.messages.slice(before - snapshot.headSeq)) {
      if (message.seq > before && message.sender.id !== me && !message.deleted) {
        for (const listener of this.newsListeners) {
          listener({ room: snapshot.id, name, message });
        }
      }
    }
  }

  private rebuild(change: { loaded?: boolean; error?: string } = {}): void {
    const entries = new Map<string, DirectoryEntry>();
    for (const summary of this.summaries) {
      entries.set(summary.id, fromSummary(summary));
    }
    for (const [id, { room }] of this.kept) {
      entries.set(id, amend(entries.get(id), room.getSnapshot(), this.client.getSnapshot().user?.id));
    }
    const rooms = [...entries.values()].sort(byActivity).map((entry) => this.same(entry));
    const loaded = change.loaded ?? this.snapshot.loaded;
    const error = change.loaded ? undefined : (change.error ?? this.snapshot.error);
    const { invitations, snapshot: before } = this;
    if (
      loaded === before.loaded &&
      error === before.error &&
      sameItems(rooms, before.rooms) &&
      sameRooms(invitations, before.invitations)
    ) {
      return;
    }
    this.snapshot = { rooms, invitations, loaded, ...(error === undefined ? {} : { error }) };
    for (const listener of this.listeners) {
      listener();
    }
  }

  /** Returns the entry of the last snapshot if it says the same, so that its row need not be drawn again. */
  private same(entry: DirectoryEntry): DirectoryEntry {
    const before = this.snapshot.rooms.find((other) => other.id === entry.id);
    const same =
      before !== undefined &&
      before.name === entry.name &&
      before.kind === entry.kind &&
      before.unread === entry.unread &&
      before.mentions === entry.mentions &&
      before.activity?.getTime() === entry.activity?.getTime();
    return same ? before : entry;
  }
}

function fromSummary(summary: RoomSummary): DirectoryEntry {
  return {
    id: summary.id,
    name: summary.title === "" ? summary.id : summary.title,
    kind: summary.kind,
    unread: summary.readSeq === 0 ? 0 : summary.unread,
    mentions: 0,
    activity: summary.updateTime,
  };
}

/** Puts what a joined room knows over what the list said. */
function amend(entry: DirectoryEntry | undefined, room: RoomSnapshot, me: string | undefined): DirectoryEntry {
  const newest = room.messages.at(-1)?.createTime;
  const listed = entry?.activity;
  const unread = room.status === "idle" || room.status === "joining" ? (entry?.unread ?? 0) : room.unread;
  return {
    id: room.id,
    name: room.title === "" ? (entry?.name ?? room.id) : room.title,
    kind: room.status === "live" ? room.kind : (entry?.kind ?? "public"),
    unread,
    mentions: unread === 0 || me === undefined ? 0 : mentionsOf(room, me),
    activity: newest !== undefined && (listed === undefined || newest > listed) ? newest : listed,
  };
}

function mentionsOf({ messages, readSeq }: RoomSnapshot, me: string): number {
  const first = messages[0]?.seq ?? 0;
  const unread = messages.slice(Math.max(0, readSeq + 1 - first));
  return unread.filter((message) => message.mentions.includes(me) && message.sender.id !== me).length;
}

function byActivity(a: DirectoryEntry, b: DirectoryEntry): number {
  const newer = (b.activity?.getTime() ?? 0) - (a.activity?.getTime() ?? 0);
  return newer !== 0 ? newer : a.id < b.id ? -1 : 1;
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function sameRooms(a: readonly Invitation[], b: readonly Invitation[]): boolean {
  return a.length === b.length && a.every(({ room }, i) => room.id === b[i]?.room.id);
}
