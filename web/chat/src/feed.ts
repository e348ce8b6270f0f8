import { create } from "@bufbuild/protobuf";
import type { FeedRoom, Feed as WireFeed } from "@rialto/gen/rialto/chat/v1/event_pb";
import { MemberSchema, RoomSchema, type Invitation as WireInvitation } from "@rialto/gen/rialto/chat/v1/types_pb";
import { toInvitation, toMember, toSummary, unreadCount } from "./convert.js";
import type { RoomsSnapshot, UserRoom, UserRooms } from "./feed-types.js";
import type { Invitation } from "./member-types.js";
import { isSameData } from "./same-data.js";
import { Store } from "./store.js";
import type { Listener, Unsubscribe } from "./types.js";

/** What a room here knows of itself before the feed tells it. */
export interface RoomProgress {
  /** The newest message; undefined unless the room is followed. */
  readonly headSeq: number | undefined;
  /** How far this user has read; undefined unless the room is followed, or was just read here. */
  readonly readSeq: number | undefined;
}

/** A room as the feed told it. */
interface ToldRoom {
  readonly room: UserRoom;
  /** The seq of the oldest message that is kept; it counts in what is unread. */
  readonly firstSeq: number;
}

/** What was told last of something, and the version of that. */
type Told<T> = ReadonlyMap<string, { readonly version: bigint; readonly value: T }>;

/** All of a feed, by room id. */
interface Contents {
  readonly rooms: Told<ToldRoom>;
  readonly invitations: Told<Invitation>;
}

const nothing: Contents = { rooms: new Map(), invitations: new Map() };

/**
 * This user's rooms and invitations, as every stream tells them: first all of it, then what is different. While all of it is on its
 * way again, after a break, what was held before is shown.
 *
 * The client calls `welcomed` and `lost` as the connection goes, `take` for each event of the feed, and `progressed` when a room
 * may know more than that.
 */
export class Feed implements UserRooms {
  private readonly progressOf: (room: string) => RoomProgress | undefined;
  private readonly store = new Store<RoomsSnapshot>(() => this.shown);
  private held = nothing;
  /** All of it, while it is on its way. */
  private incoming: Contents | undefined;
  private loaded = false;
  private shown: RoomsSnapshot = { rooms: [], invitations: [], loaded: false };
  /** The rooms that are shown, by id. */
  private rooms = new Map<string, UserRoom>();
  private userId: string | undefined;

  constructor(progressOf: (room: string) => RoomProgress | undefined) {
    this.progressOf = progressOf;
  }

  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  getSnapshot(): RoomsSnapshot {
    return this.store.getSnapshot();
  }

  /** The session is this user's. Of one whom the server made just now nothing will be told: there is nothing. */
  welcomed(userId: string, isNew: boolean): void {
    if (isNew || userId !== this.userId) {
      this.userId = userId;
      this.held = nothing;
      this.loaded = isNew;
      this.update();
    }
  }

  /** The stream is gone. The next begins with all of it. */
  lost(): void {
    this.incoming = undefined;
  }

  take(part: WireFeed): void {
    const contents = part.reset ? nothing : (this.incoming ?? this.held);
    const next = {
      rooms: apply(contents.rooms, part.version, part.rooms.map(toToldRoom), part.removedRooms),
      invitations: apply(contents.invitations, part.version, part.invitations.map(named), part.removedInvitations),
    };
    if (part.more) {
      this.incoming = next;
    } else {
      this.incoming = undefined;
      this.held = next;
      this.loaded = true;
      this.update();
    }
  }

  /** This user's marker in a room was moved here, to this seq; the feed will say so, too. */
  marked(id: string, readSeq: number): void {
    const told = this.held.rooms.get(id);
    if (told) {
      const value = { ...told.value, room: { ...told.value.room, readSeq } };
      this.held = { ...this.held, rooms: new Map(this.held.rooms).set(id, { ...told, value }) };
      this.update();
    }
  }

  /** A room may have another progress. */
  progressed(id: string): void {
    const told = this.held.rooms.get(id);
    if (told && this.show(told.value) !== this.rooms.get(id)) {
      this.update();
    }
  }

  /** Shows what is held now. Everything that is as before keeps its identity. */
  private update(): void {
    const rooms = [...this.held.rooms.values()].map(({ value }) => this.show(value)).sort(byChange);
    this.rooms = new Map(rooms.map((room) => [room.id, room]));
    const invitations = [...this.held.invitations.values()].map(({ value }) => value).sort(byAge);
    const { shown, loaded } = this;
    const next = {
      rooms: sameItems(rooms, shown.rooms) ? shown.rooms : rooms,
      invitations: isSameData(invitations, shown.invitations) ? shown.invitations : invitations,
      loaded,
    };
    if (!isSameData(next, shown)) {
      this.shown = next;
      this.store.changed();
    }
  }

  /** Returns a room as it is to be shown: with what it knows of itself here, and the same object if that is as before. */
  private show({ room, firstSeq }: ToldRoom): UserRoom {
    const progress = this.progressOf(room.id);
    const headSeq = Math.max(room.headSeq, progress?.headSeq ?? 0);
    const readSeq = progress?.readSeq ?? room.readSeq;
    const unread = unreadCount(headSeq, readSeq, firstSeq);
    const next = { ...room, headSeq, readSeq, unread, mentions: Math.min(room.mentions, unread) };
    const before = this.rooms.get(room.id);
    return before && isSameData(next, before) ? before : next;
  }
}

/** Returns what is told after a part of the feed. Of two forms of a thing the one of the higher version stays. */
function apply<T>(
  told: Told<T>,
  version: bigint,
  changed: readonly (readonly [string, T])[],
  removed: readonly string[],
): Told<T> {
  const next = new Map(told);
  const isOld = (id: string) => (next.get(id)?.version ?? 0n) > version;
  for (const [id, value] of changed) {
    if (!isOld(id)) {
      next.set(id, { version, value });
    }
  }
  for (const id of removed) {
    if (!isOld(id)) {
      next.delete(id);
    }
  }
  return next;
}

function toToldRoom({ room, member, read, mentions, requests }: FeedRoom): readonly [string, ToldRoom] {
  const summary = toSummary(room ?? create(RoomSchema), read);
  const me = toMember(member ?? create(MemberSchema));
  return [summary.id, { room: { ...summary, me, mentions, requests }, firstSeq: Number(room?.firstSeq ?? 0n) }];
}

function named(invitation: WireInvitation): readonly [string, Invitation] {
  const value = toInvitation(invitation);
  return [value.room.id, value];
}

function byChange(a: UserRoom, b: UserRoom): number {
  return (b.updateTime?.getTime() ?? 0) - (a.updateTime?.getTime() ?? 0) || (a.id < b.id ? -1 : 1);
}

function byAge(a: Invitation, b: Invitation): number {
  return b.since.getTime() - a.since.getTime() || (a.room.id < b.room.id ? -1 : 1);
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
