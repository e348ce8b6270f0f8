import { hasRole, type Role, type RoomSnapshot } from "@rialto/chat";

type RoomRules = Pick<RoomSnapshot, "me" | "posting" | "archived" | "kind">;

/** Says in words why this user cannot post; undefined if they can, as far as is known. */
export function whyNoPosting(room: RoomRules): string | undefined {
  if (room.archived) {
    return "This room is archived: it can be read, and nothing is said in it any more.";
  }
  if (room.me?.muted) {
    return "A moderator has muted you in this room.";
  }
  if (!hasRole(room.me?.role ?? "visitor", room.posting)) {
    return room.posting === "owner"
      ? "Only owners post in this room."
      : `Only ${room.posting}s and above post in this room.`;
  }
  return undefined;
}

/** Whether somebody may act on somebody else: moderators and owners on those with a lower role. */
export function mayModerate(mine: Role, theirs: Role): boolean {
  return hasRole(mine, "moderator") && !hasRole(theirs, mine);
}
