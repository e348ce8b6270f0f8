// What the SDK shows of what a user has to do with rooms. Immutable, as all of types.ts.

import type { Invitation, Member } from "./member-types.js";
import type { Listener, RoomSummary, Unsubscribe } from "./types.js";

/** A room that this user is a member of. */
export interface UserRoom extends RoomSummary {
  /** What this user is there. */
  readonly me: Member;
  /** How many unread messages mention this user: up to 100, which means 100 or more. */
  readonly mentions: number;
  /** How many ask to become members: up to 1,000. 0 for those who may not answer them. */
  readonly requests: number;
}

/** This user's rooms. */
export interface RoomsSnapshot {
  /** Those that they are a member of, the one with the newest change first. */
  readonly rooms: readonly UserRoom[];
  /** What they are invited to, the newest first, at most 500. `room(id).members.add()` accepts, `removeInvitation()` declines. */
  readonly invitations: readonly Invitation[];
  /** False until all of it has come for the first time. */
  readonly loaded: boolean;
}

/**
 * This user's rooms and invitations, on whatever device something changes. The server tells of them by itself, a moment after it
 * happened, also of rooms that are not joined here. While there is no connection the last state stays. A joined room's own news,
 * and what is marked as read here, show at once.
 */
export interface UserRooms {
  /** Calls the listener after every change of the snapshot. Returns the function that ends this. */
  subscribe(listener: Listener): Unsubscribe;
  /** Returns what to show. The same object until something changes, and in it the same for each room that did not. */
  getSnapshot(): RoomsSnapshot;
}
