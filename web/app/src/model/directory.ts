import type { ChatClient, Invitation, Member, RoomKind, RoomSnapshot, RoomSummary, UserRoom } from "@rialto/chat";
import type { BlockedPeople } from "./blocked.js";
import { DirectPeople } from "./direct-people.js";
import { problem } from "./problem.js";
import { roomName } from "./room-name.js";
import type { Visits } from "./visits.js";

/** A room in the list. */
export interface DirectoryEntry {
  readonly id: string;
  /** What to call it: its title, or its id; a direct room is called after its people. */
  readonly name: string;
  readonly kind: RoomKind;
  /** Whether this user is a member. */
  readonly mine: boolean;
  /** Messages not read yet, 0 in rooms that this user never opened: news from strangers' rooms is no news. */
  readonly unread: number;
  /**
   * How many of them mention this user; 100 means 100 or more. Where the messages are here, without those of people whom this user
   * has blocked.
   */
  readonly mentions: number;
  /** How many ask to become members, where this user may answer them. */
  readonly requests: number;
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
  /** Why the other rooms could not be asked for. */
  readonly error?: string;
}

/** What is used of the page. */
type Page = Pick<Document, "addEventListener" | "removeEventListener" | "visibilityState">;

/** What is used of a client. */
export type DirectoryClient = Pick<ChatClient, "listRooms" | "room" | "rooms" | "subscribe" | "getSnapshot">;

/**
 * The list of rooms: this user's own, which the server keeps current; those that are open, or were, which know best; and the public
 * ones beside them, which are asked for when the connection is there and when somebody looks at the page again.
 *
 * Shaped for useSyncExternalStore. `start` and the function it returns bracket all listeners.
 */
export class Directory {
  private readonly client: DirectoryClient;
  private readonly visits: Visits;
  private readonly listeners = new Set<() => void>();
  private listed: readonly RoomSummary[] = [];
  private snapshot: DirectorySnapshot = { rooms: [], invitations: [], loaded: false };
  private refreshing = false;
  private readonly people: DirectPeople;
  private readonly blocked: Pick<BlockedPeople, "getSnapshot" | "subscribe">;

  constructor(client: DirectoryClient, visits: Visits, blocked: Pick<BlockedPeople, "getSnapshot" | "subscribe">) {
    this.client = client;
    this.visits = visits;
    this.blocked = blocked;
    this.people = new DirectPeople(client, () => this.rebuild());
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getSnapshot(): DirectorySnapshot {
    return this.snapshot;
  }

  start(page: Page = document): () => void {
    let live = false;
    const onConnection = () => {
      const now = this.client.getSnapshot().connection.status === "live";
      if (now && !live) {
        void this.refresh();
      }
      live = now;
    };
    const onLook = () => {
      if (live && page.visibilityState === "visible") {
        void this.refresh();
      }
    };
    page.addEventListener("visibilitychange", onLook);
    const ends = [
      this.client.subscribe(onConnection),
      this.client.rooms.subscribe(() => this.rebuild()),
      this.visits.subscribe(() => this.rebuild()),
      this.blocked.subscribe(() => this.rebuild()),
      () => page.removeEventListener("visibilitychange", onLook),
    ];
    onConnection();
    this.rebuild();
    return () => {
      for (const end of ends) {
        end();
      }
    };
  }

  /** Asks for the public rooms now. Never rejects: a failure is in the snapshot. */
  async refresh(): Promise<void> {
    if (this.refreshing) {
      return;
    }
    this.refreshing = true;
    try {
      this.listed = await this.client.listRooms();
      this.rebuild({ loaded: true });
    } catch (error) {
      this.rebuild({ error: problem(error) });
    } finally {
      this.refreshing = false;
    }
  }

  private rebuild(change: { readonly loaded?: boolean; readonly error?: string } = {}): void {
    const { rooms: own, invitations } = this.client.rooms.getSnapshot();
    const me = this.client.getSnapshot().user?.id;
    const entries = new Map<string, DirectoryEntry>();
    for (const summary of this.listed) {
      // One that is not public and not among the own any more is no more to be seen.
      if (summary.kind === "public") {
        entries.set(summary.id, listedEntry(summary));
      }
    }
    for (const room of own) {
      entries.set(room.id, ownEntry(room, this.membersOf(room), me));
    }
    for (const room of this.visits.rooms.map((visited) => visited.getSnapshot())) {
      const entry = entries.get(room.id);
      // One that cannot be joined is shown where it is open, and nowhere else.
      if (entry !== undefined || room.error === undefined) {
        entries.set(room.id, amend(entry, room, me, this.blocked.getSnapshot()));
      }
    }
    const { snapshot: before } = this;
    const rooms = [...entries.values()].sort(byActivity).map((entry) => this.same(entry));
    const loaded = change.loaded ?? before.loaded;
    const error = change.loaded ? undefined : (change.error ?? before.error);
    if (
      loaded === before.loaded &&
      error === before.error &&
      invitations === before.invitations &&
      rooms.length === before.rooms.length &&
      rooms.every((room, i) => room === before.rooms[i])
    ) {
      return;
    }
    this.snapshot = { rooms, invitations, loaded, ...(error === undefined ? {} : { error }) };
    for (const listener of this.listeners) {
      listener();
    }
  }

  /** Returns who is in a direct room, as far as that is known. */
  private membersOf({ id, kind, title }: UserRoom): readonly Member[] {
    if (kind !== "direct" || title !== "") {
      return [];
    }
    this.people.ask(id);
    return this.client.room(id).members.getSnapshot().members;
  }

  /** Returns the entry of the last snapshot if it says the same, so that its row need not be drawn again. */
  private same(entry: DirectoryEntry): DirectoryEntry {
    const before = this.snapshot.rooms.find((other) => other.id === entry.id);
    return before !== undefined && isSame(before, entry) ? before : entry;
  }
}

function listedEntry({ id, title, kind, readSeq, unread, updateTime: activity }: RoomSummary): DirectoryEntry {
  const name = title === "" ? id : title;
  return { id, name, kind, mine: false, unread: readSeq === 0 ? 0 : unread, mentions: 0, requests: 0, activity };
}

function ownEntry(room: UserRoom, members: readonly Member[], me: string | undefined): DirectoryEntry {
  const { id, kind, unread, mentions, requests, updateTime: activity } = room;
  const name = roomName({ ...room, online: [], messages: [] }, members, me);
  return { id, name, kind, mine: true, unread, mentions, requests, activity };
}

/** Puts what a joined room knows over what is known of it otherwise. What the feed says of one's own rooms has that in it. */
function amend(
  entry: DirectoryEntry | undefined,
  room: RoomSnapshot,
  me: string | undefined,
  blocked: ReadonlyMap<string, string>,
): DirectoryEntry {
  const newest = room.messages.at(-1)?.createTime;
  const known = entry?.activity;
  const activity = newest !== undefined && (known === undefined || newest > known) ? newest : known;
  const name = room.title === "" ? (entry?.name ?? room.id) : room.title;
  if (entry?.mine) {
    const unheard = me === undefined ? 0 : mentionsOf(room, me, (sender) => blocked.has(sender));
    return { ...entry, name, activity, mentions: Math.max(0, entry.mentions - unheard) };
  }
  const unread = room.status === "idle" || room.status === "joining" ? (entry?.unread ?? 0) : room.unread;
  return {
    id: room.id,
    name,
    kind: room.status === "live" ? room.kind : (entry?.kind ?? "public"),
    mine: false,
    unread,
    mentions:
      unread === 0 || me === undefined ? 0 : mentionsOf(room, me, (sender) => sender !== me && !blocked.has(sender)),
    requests: 0,
    activity,
  };
}

/** Counts what is not read and mentions somebody, of those senders whom `by` accepts. */
function mentionsOf({ messages, readSeq }: RoomSnapshot, me: string, by: (sender: string) => boolean): number {
  const first = messages[0]?.seq ?? 0;
  const unread = messages.slice(Math.max(0, readSeq + 1 - first));
  return unread.filter((message) => message.mentions.includes(me) && by(message.sender.id)).length;
}

function byActivity(a: DirectoryEntry, b: DirectoryEntry): number {
  const newer = (b.activity?.getTime() ?? 0) - (a.activity?.getTime() ?? 0);
  return newer !== 0 ? newer : a.id < b.id ? -1 : 1;
}

function isSame(a: DirectoryEntry, b: DirectoryEntry): boolean {
  return (
    a.name === b.name &&
    a.kind === b.kind &&
    a.mine === b.mine &&
    a.unread === b.unread &&
    a.mentions === b.mentions &&
    a.requests === b.requests &&
    a.activity?.getTime() === b.activity?.getTime()
  );
}
