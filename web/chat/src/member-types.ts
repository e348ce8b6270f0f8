// What the SDK shows of who belongs to a room. Immutable, as all of types.ts.

import type { ChatError } from "./error.js";
import type { Listener, RoomSummary, Unsubscribe, User } from "./types.js";

/** What somebody is in a room; see docs/chat.md for what each may. A visitor is no member. */
export type Role = "visitor" | "guest" | "member" | "moderator" | "owner";

/**
 * Who may come into a room: everybody; or only its members, for whom alone it is there; or the same few people for good, who are
 * found again by who they are.
 */
export type RoomKind = "public" | "private" | "direct";

/** A person's tie to a room. */
export interface Member {
  /** Under the name they had when they became a member. */
  readonly user: User;
  readonly role: Role;
  /** When they became a member; absent for a visitor. */
  readonly since?: Date;
  /** Whether they may not post, react or edit: until `muteEnd`, or for good without one. It stays true behind that: see `isMuted`. */
  readonly muted: boolean;
  readonly muteEnd?: Date;
}

/** That somebody may not come into a room. */
export interface Ban {
  /** Under the last name that the room knows, which may be empty. */
  readonly user: User;
  readonly bannedBy: User;
  /** May be empty. Typed by a person. */
  readonly reason: string;
  readonly since: Date;
  /** Absent: for good. */
  readonly end?: Date;
}

/** How to ban somebody. */
export interface BanOptions {
  /** For how long, in whole ms. Default: for good. */
  readonly durationMs?: number;
  /** Why, for moderators and owners; at most 256 characters. */
  readonly reason?: string;
}

/** Somebody's leave to become a member of a room. */
export interface Invitation {
  readonly room: RoomSummary;
  readonly invitedBy: User;
  /** What the invited will be. */
  readonly role: Role;
  readonly since: Date;
}

/** Which messages of a room are kept: those that no limit here excludes, and up to 1,000 more. Without a limit all are. */
export interface Retention {
  /** How old a message becomes, in ms: whole seconds, from an hour on. */
  readonly maxAgeMs?: number;
  /** How many there are at most, from 1,000 on. */
  readonly maxMessages?: number;
}

/** What can be set of a room. What is absent stays as it is. */
export interface RoomSettings {
  /** At most 128 characters; may be empty. */
  readonly title?: string;
  /** At most 1,024 bytes; may be empty. */
  readonly topic?: string;
  /** The least time between two messages of one sender, in ms, up to 24 hours; 0: none. */
  readonly slowModeMs?: number;
  /** Not of or to "direct". Owners only. */
  readonly kind?: RoomKind;
  /** The least role that may post; "visitor": everybody who may read. Owners only. */
  readonly posting?: Role;
  /** Whether it is read only. Owners only. */
  readonly archived?: boolean;
  /** Whether people may ask to become members; private rooms only. Owners only. */
  readonly joinRequests?: boolean;
  /** Which of its messages are kept; null: as the server's operator says. Owners only. */
  readonly retention?: Retention | null;
}

/** What lets whoever has its token become a member of a room. */
export interface Link {
  /** Names it; is not its token. */
  readonly id: string;
  readonly creator: User;
  /** What those will be who use it. */
  readonly role: Role;
  readonly since: Date;
  /** Absent: until it is removed. */
  readonly end?: Date;
  /** How many may use it; 0: any number. */
  readonly maxUses: number;
  readonly uses: number;
}

/** How to make a link. */
export interface LinkOptions {
  /** Default: member. */
  readonly role?: "guest" | "member";
  /** Default: any number. */
  readonly maxUses?: number;
  /** For how long, in whole ms. Default: until it is removed. */
  readonly durationMs?: number;
}

/** That somebody asks to become a member of a private room. */
export interface JoinRequest {
  readonly user: User;
  /** May be empty. Typed by a person. */
  readonly note: string;
  readonly since: Date;
}

/** What somebody did as a moderator or owner. */
export type AuditAction =
  | "member-removed"
  | "banned"
  | "unbanned"
  | "muted"
  | "unmuted"
  | "role-changed"
  | "room-changed"
  | "message-deleted"
  | "link-created"
  | "link-removed"
  | "request-accepted"
  | "request-declined"
  /** Something that a later version of the server knows. */
  | "other";

/** Who did what in a room as a moderator or owner. */
export interface AuditEntry {
  readonly action: AuditAction;
  /** Who did it, under the name they had then. */
  readonly actor: User;
  readonly time: Date;
  /** To whom, by id; absent if it was done to nobody. */
  readonly userId?: string;
  /** The message that was deleted. */
  readonly seq?: number;
  /** Until when a mute or ban lasts; absent: for good. */
  readonly end?: Date;
  /** The reason given for a ban, which a person typed, or a link's id; may be empty. */
  readonly text: string;
  /** The role that was given. */
  readonly role?: Role;
}

/** A page of what was done in a room. */
export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** What to ask for the page behind this one with; absent on the last. */
  readonly nextPageToken?: string;
}

/** A room to make. */
export interface NewRoom {
  /** See `roomIdPattern`. Absent: the server chooses one that cannot be guessed, which is best for a private room. */
  readonly id?: string;
  /** May be empty. */
  readonly title: string;
  readonly topic?: string;
  /** Default: public. For a direct room see `ChatClient.openDirectRoom`. */
  readonly kind?: "public" | "private";
  /** The least role that may post. Default: everybody who may read. */
  readonly posting?: Role;
}

/** The members of a room that are loaded. */
export interface MembersSnapshot {
  /** By role, the owners first, then by name. */
  readonly members: readonly Member[];
  /** True if there are more than these, or they were not asked for yet. */
  readonly hasMore: boolean;
  readonly loading: boolean;
  /** Why the last page did not come. */
  readonly error?: ChatError;
}

/**
 * A room's members, and what can be done about them. Once loaded they change as the room's events say, while it is joined. All
 * that returns a promise, except `load`, rejects with ChatError: PERMISSION_DENIED where the role does not allow it.
 */
export interface RoomMembers {
  /** Calls the listener after every change of the snapshot. Returns the function that ends this. */
  subscribe(listener: Listener): Unsubscribe;
  /** Returns what to show. The same object until something changes. */
  getSnapshot(): MembersSnapshot;
  /** Loads the next 500. Resolves also when that fails: see `error`. Calls while one is under way share it. */
  load(): Promise<void>;
  /** Makes this user a member: of a public room, or of one that they are invited to. */
  add(): Promise<void>;
  /** Ends a membership: this user's own, or that of somebody with a lower role, for moderators. */
  remove(userId?: string): Promise<void>;
  /** Gives a member another role. For owners, also for their own. */
  setRole(userId: string, role: Role): Promise<void>;
  /** Keeps somebody from posting, for so many whole ms or for good. For moderators. */
  mute(userId: string, durationMs?: number): Promise<void>;
  /** Ends that. */
  unmute(userId: string): Promise<void>;
  /** Ends somebody's membership and keeps them out. For moderators. */
  ban(userId: string, options?: BanOptions): Promise<void>;
  /** Ends that; they are no member by it. */
  unban(userId: string): Promise<void>;
  /** Returns who is kept out. For moderators. */
  listBans(): Promise<Ban[]>;
  /** Lets somebody become a member. For members. */
  invite(userId: string, role?: "guest" | "member"): Promise<void>;
  /** Ends an invitation: this user's own, which declines it, or another's. */
  removeInvitation(userId?: string): Promise<void>;
  /** Makes a link and returns its token, which nobody can be told again. `ChatClient.acceptLink` takes it. For moderators. */
  createLink(options?: LinkOptions): Promise<string>;
  /** Returns the room's links, at most 20. For moderators. */
  listLinks(): Promise<Link[]>;
  /** Ends a link. For moderators. */
  removeLink(linkId: string): Promise<void>;
  /**
   * Asks to become a member of a private room, with a note of at most 256 characters. It succeeds whether or not there is such a
   * room that takes requests.
   */
  request(note?: string): Promise<void>;
  /** Returns who asks. For moderators. */
  listRequests(): Promise<JoinRequest[]>;
  /** Lets somebody in who asks, or does not. For moderators. */
  answerRequest(userId: string, accept: boolean): Promise<void>;
  /** Returns 100 of what was done here by moderators and owners, of which a room keeps the newest 10,000. For owners. */
  listAudit(pageToken?: string): Promise<AuditPage>;
}
