import { hasRole, isMuted, type Role, type RoomSnapshot } from "@rialto/chat";

type RoomRules = Pick<RoomSnapshot, "me" | "posting" | "archived" | "kind">;

/** Says in words why this user cannot post now, in ms since 1970; undefined if they can, as far as is known. */
export function whyNoPosting(room: RoomRules, now = Date.now()): string | undefined {
  if (room.archived) {
    return "This room is archived: it can be read, and nothing is said in it any more.";
  }
  if (isMuted(room.me, now)) {
    return "A moderator has muted you in this room.";
  }
  if (!hasRole(room.me?.role ?? "visitor", room.posting)) {
    return room.posting === "owner"
      ? "Only owners post in this room."
      : `Only ${room.posting}s and above post in this room.`;
  }
  return undefined;
}

/** Says how often this user may post, if that is limited for them. */
export function slowModeNote({ me, slowModeMs }: Pick<RoomSnapshot, "me" | "slowModeMs">): string | undefined {
  const free = slowModeMs === 0 || hasRole(me?.role ?? "visitor", "moderator");
  return free ? undefined : `Slow mode: one message every ${duration(slowModeMs)}.`;
}

/** A length of time, as people say it: "30 s", "5 min", "hour". */
function duration(ms: number): string {
  const [hours, minutes, seconds] = [ms / 3_600_000, ms / 60_000, ms / 1000];
  if (hours >= 1 && Number.isInteger(hours)) {
    return hours === 1 ? "hour" : `${hours} hours`;
  }
  return minutes >= 1 && Number.isInteger(minutes) ? `${minutes} min` : `${Math.round(seconds)} s`;
}

/** Whether somebody may act on somebody else: moderators and owners on those with a lower role. */
export function mayModerate(mine: Role, theirs: Role): boolean {
  return hasRole(mine, "moderator") && !hasRole(theirs, mine);
}
