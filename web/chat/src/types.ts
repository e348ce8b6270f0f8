// What the SDK shows to applications. Everything here is immutable: a change makes a new object, what did not change
// keeps its identity, so that snapshots can be compared with `===`.

import type { ChatError } from "./error.js";
import type { Member, Retention, Role, RoomKind, RoomMembers, RoomSettings } from "./member-types.js";

/** A person as others see them. Only `id` identifies: anybody may choose any name. */
export interface User {
  readonly id: string;
  /** Typed by a person: show it as text, never as HTML. */
  readonly name: string;
  /** True for somebody who proved nothing but to hold a token of this server. Show it beside the name. */
  readonly guest: boolean;
}

/** One kind of reaction to a message. */
export interface Reaction {
  readonly emoji: string;
  /** Who reacted so, in the order they did. */
  readonly userIds: readonly string[];
}

/** Typed bytes, the body of a message between programs. */
export interface DataBody {
  readonly type: string;
  readonly value: Uint8Array;
}

/** The messages that answer one message. Those that were deleted count too. */
export interface Thread {
  readonly count: number;
  /** The newest. */
  readonly lastSeq: number;
  readonly lastTime: Date;
}

/** What a message says beside its body. */
export interface MessageOptions {
  /** The seq of the message that it answers. */
  readonly replyTo?: number;
  /** Whom it is about, by user id; each once, at most 50. */
  readonly mentions?: readonly string[];
}

/** A message in its current form. */
export interface ChatMessage {
  /** Its place in the room: 1, 2, 3, … without gaps. */
  readonly seq: number;
  /** The room's revision of its last change. */
  readonly rev: number;
  /** Who sent it, under the name they had then. */
  readonly sender: User;
  readonly createTime: Date;
  readonly editTime?: Date;
  /** True for a tombstone, which has no text, data or reactions. */
  readonly deleted: boolean;
  /** The sender's own id for it; may be empty. */
  readonly clientId: string;
  /** Empty for a tombstone and for bodies that are not text. Typed by a person: show it as text, never as HTML. */
  readonly text: string;
  readonly data?: DataBody;
  readonly reactions: readonly Reaction[];
  /** The seq of the message that it answers, which may be deleted or gone. */
  readonly replyTo?: number;
  /** Whom it is about, by user id. */
  readonly mentions: readonly string[];
  /** The answers to it; absent if there never were any. */
  readonly thread?: Thread;
}

/** A message of this client's own that the room does not show yet. */
export interface PendingMessage extends MessageOptions {
  readonly clientId: string;
  /** Empty if the body is data. */
  readonly text: string;
  readonly data?: DataBody;
  /**
   * `sending` until it appears in the room, however often the connection breaks; `failed` if the server refused it, or somebody
   * must say whether it is still to be sent, since it was written more than 30 days ago (DEADLINE_EXCEEDED).
   */
  readonly status: "sending" | "failed";
  /** Why it failed. */
  readonly error?: ChatError;
  /** When it was sent, by this machine's clock. */
  readonly time: Date;
}

/** Why there is no connection. */
export type DisconnectCode =
  /** `connect()` was not called yet. */
  | "not-started"
  /** `close()` was called. */
  | "closed-by-client"
  /** The server could not be reached. */
  | "unreachable"
  /** The connection broke. */
  | "lost"
  /** The server fell silent and did not answer a probe. */
  | "silent"
  /** The server is going away or cannot serve just now. */
  | "unavailable"
  /** The server ended the session with an error that may pass. */
  | "server-error"
  /** Something arrived that this client does not understand. */
  | "protocol"
  /** The server refused this client for good: trying again would give the same. */
  | "refused";

/** Why there is no connection, for programs and for people. */
export interface DisconnectReason {
  readonly code: DisconnectCode;
  /** For people, in English, without details of the server's inside. */
  readonly text: string;
}

/** The life of the connection; see Connection for the transitions. */
export type ConnectionState =
  | { readonly status: "connecting" }
  | { readonly status: "live" }
  | {
      readonly status: "reconnecting";
      /** When the next try starts, in ms since 1970. */
      readonly retryAt: number;
      /** 1 for the first try after a connection. */
      readonly attempt: number;
      readonly reason: DisconnectReason;
    }
  /** This machine says that it has no network. It is tried all the same, now and then. */
  | { readonly status: "offline" }
  /** Nothing happens until `connect()`. */
  | { readonly status: "closed"; readonly reason: DisconnectReason };

/** What a client shows. */
export interface ClientSnapshot {
  readonly connection: ConnectionState;
  /** Who this client is; undefined before the first connection. */
  readonly user: User | undefined;
}

/** A room in a list. */
export interface RoomSummary {
  readonly id: string;
  /** May be empty: show the id then. */
  readonly title: string;
  /** What it is about; may be empty. Typed by a person, like the title. */
  readonly topic: string;
  readonly kind: RoomKind;
  /** Whether it is read only. */
  readonly archived: boolean;
  /** Of a direct room the people in it, by id; otherwise empty. */
  readonly people: readonly string[];
  readonly memberCount: number;
  readonly headSeq: number;
  readonly readSeq: number;
  readonly unread: number;
  /** The newest change; undefined in an untouched room. */
  readonly updateTime: Date | undefined;
}

/** How far a room is. */
export type RoomStatus =
  /** Not joined, or refused: see `error`. */
  | "idle"
  /** Waiting for the connection or for the server's answer. */
  | "joining"
  /** The answer came, `missing` changes did not yet. */
  | "catching-up"
  | "live";

/** That all that was here of a room was dropped for its newest messages. */
export interface RoomReset {
  /**
   * `far-behind`: more than 500 changes were missed, and what lies between can be loaded. `restored`: the server's data was
   * restored or replaced, so that messages which were here may be gone.
   */
  readonly reason: "far-behind" | "restored";
}

/** What a room shows. */
export interface RoomSnapshot {
  readonly id: string;
  /** May be empty: show the id then. */
  readonly title: string;
  /** What it is about; may be empty. Typed by a person, like the title. */
  readonly topic: string;
  /** The least time between two messages of one sender, in ms; 0: none. Moderators and owners are free of it. */
  readonly slowModeMs: number;
  readonly kind: RoomKind;
  /** The least role that may post, react and edit; "visitor": everybody who may read. */
  readonly posting: Role;
  /** Whether it is read only. */
  readonly archived: boolean;
  /** Whether people may ask to become members; private rooms only. */
  readonly joinRequests: boolean;
  /** Which of its messages are kept; null: as the server's operator says. */
  readonly retention: Retention | null;
  /** Of a direct room the people in it, by id; otherwise empty. */
  readonly people: readonly string[];
  readonly memberCount: number;
  /** What this user is here: a member, or a visitor who is muted; absent for other visitors, and before the room is joined. */
  readonly me?: Member;
  readonly status: RoomStatus;
  /**
   * Why the room cannot be joined, or is followed no more: PERMISSION_DENIED after a ban, NOT_FOUND if it is not to be seen. It is
   * joined after all as soon as this user becomes a member.
   */
  readonly error?: ChatError;
  /** The last reset; absent if there was none. Another object for another one. */
  readonly reset?: RoomReset;
  /** How many changes are still to come while catching up. */
  readonly missing: number;
  /** By seq without gaps, ending with the newest known; tombstones included. */
  readonly messages: readonly ChatMessage[];
  /** In the order of sending. Show them after `messages`. */
  readonly pending: readonly PendingMessage[];
  /** Who is here, by name. Empty in a crowd (above 500), where only `onlineCount` is known. */
  readonly online: readonly User[];
  readonly onlineCount: number;
  /** Others who are typing, in the order they began. */
  readonly typing: readonly User[];
  /** True if there are older messages than these: `loadOlder` brings some. */
  readonly hasOlder: boolean;
  readonly loadingOlder: boolean;
  readonly headSeq: number;
  readonly readSeq: number;
  readonly unread: number;
}

/** Is told that there is another snapshot. */
export type Listener = () => void;
/** Ends what `subscribe` began. May be called more than once. */
export type Unsubscribe = () => void;

/** Where the identity's token is kept between visits. It is a secret. Methods must not throw. */
export interface TokenStore {
  get(): string | undefined;
  set(token: string): void;
  clear(): void;
}

/** How to edit a message. */
export interface EditOptions {
  /** Whom it is about from now on. Default: whom it was about, if the message is in `messages`, otherwise nobody. */
  readonly mentions?: readonly string[];
  /** The rev of the message that is to be replaced. */
  readonly expectedRev?: number;
}

/** What a view of messages shows. */
export interface MessageViewSnapshot {
  /** By seq; of a whole room without gaps. */
  readonly messages: readonly ChatMessage[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  readonly loading: boolean;
  /** Why the last page did not come. */
  readonly error?: ChatError;
}

/**
 * Messages beside those in the room's snapshot: around one that lies far above, or the answers to one. They change as the
 * room's events say while the room is joined, and where the view reaches the newest message, new ones are added.
 */
export interface MessageView {
  /** Calls the listener after every change of the snapshot. Returns the function that ends this. */
  subscribe(listener: Listener): Unsubscribe;
  /** Returns what to show. The same object until something changes. */
  getSnapshot(): MessageViewSnapshot;
  /** Adds a page before the oldest one. Resolves also when that fails: see `error`. Calls while one is under way share it. */
  loadOlder(): Promise<void>;
  /** Adds a page behind the newest one. As `loadOlder`. */
  loadNewer(): Promise<void>;
  /** Ends it: nothing changes any more. */
  close(): void;
}

/** A room as this client sees it. `ChatClient.room` returns the same object for the same id, joined or not. */
export interface Room {
  readonly id: string;
  /** Its members, and what can be done about them. */
  readonly members: RoomMembers;
  /** Calls the listener after every change of the snapshot. Returns the function that ends this. */
  subscribe(listener: Listener): Unsubscribe;
  /** Returns what to show. The same object until something changes. */
  getSnapshot(): RoomSnapshot;

  /** Starts to receive the room. Counted: after n calls of `join` it takes n of `leave` to stop. */
  join(): void;
  /**
   * Undoes one `join`. A room that nobody has joined keeps the newest 50 messages at most, and the next `join` continues
   * there.
   */
  leave(): void;

  /**
   * Posts a message and returns its client id. It is in `pending` at once, is sent as soon and as often as it takes, and
   * appears in `messages` exactly once. The room need not be joined.
   */
  send(text: string, options?: MessageOptions): string;
  /**
   * Posts typed bytes in the same way, for other programs: `type` says what they are, in 1 to 128 printable ASCII characters,
   * such as a media type. For protobuf messages see `dataType`.
   */
  sendData(type: string, value: Uint8Array, options?: MessageOptions): string;
  /** Sends a failed message again, as the same message. Anything else: no effect. */
  retry(clientId: string): void;
  /** Forgets a failed message. Anything else: no effect. */
  discard(clientId: string): void;

  /** Changes the room. For moderators; some settings for owners. Rejects with ChatError. */
  update(settings: RoomSettings): Promise<void>;

  /**
   * Deletes the room, for everybody and for good, with all that is in it; its id is never used again. For owners. Rejects with
   * ChatError.
   */
  delete(): Promise<void>;

  /**
   * Replaces the text of a message of one's own, and whom it mentions. With `expectedRev` only if that is still its rev. Rejects
   * with ChatError, of which ABORTED says that it is not.
   */
  edit(seq: number, text: string, options?: EditOptions): Promise<void>;
  /** Deletes a message of one's own, or any, for moderators. Rejects with ChatError. */
  remove(seq: number): Promise<void>;
  /** Adds this user's reaction. Rejects with ChatError. */
  addReaction(seq: number, emoji: string): Promise<void>;
  /** Takes this user's reaction back. Rejects with ChatError. */
  removeReaction(seq: number, emoji: string): Promise<void>;

  /**
   * Puts the messages before the oldest one into `messages`. Resolves when they are there, or at once if there are none.
   * Calls while one is under way share its outcome. It means `keepOlder(true)`. Rejects with ChatError. No effect in a room
   * that nobody has joined.
   */
  loadOlder(): Promise<void>;
  /**
   * Says whether somebody reads back, so that all that is loaded must stay. While nobody does, as at first, the oldest
   * messages are let go when there are more than 2,200, until the newest 2,000 are left; `loadOlder` brings them back.
   */
  keepOlder(keep: boolean): void;
  /** Opens a view of the messages around one, half a page on each side. The caller closes it. */
  around(seq: number): MessageView;
  /** Opens a view of the messages that answer one, oldest first. The caller closes it. */
  thread(seq: number): MessageView;

  /**
   * Tells the others that this user types, or stopped. Call it with true on every key press: no more than one signal in
   * 3 seconds is sent. It may be lost.
   */
  setTyping(typing: boolean): void;
  /** Says that this user has read up to this message. At most one request a second is sent; the last one wins. */
  markRead(seq: number): void;
}
