import type { Member, Role } from "./member-types.js";

/** What somebody can be in a room, from the least on; each may what those before it may. In the order of the API's numbers. */
export const roles: readonly Role[] = ["visitor", "guest", "member", "moderator", "owner"];

/** Whether a role may what `least` may. */
export function hasRole(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}

/**
 * Whether somebody may not post, react or edit at this time, in ms since 1970: nothing tells of the end of a mute for a time, so ask
 * again at its `muteEnd`.
 */
export function isMuted(member: Pick<Member, "muted" | "muteEnd"> | undefined, now = Date.now()): boolean {
  return member?.muted === true && (member.muteEnd === undefined || member.muteEnd.getTime() > now);
}
