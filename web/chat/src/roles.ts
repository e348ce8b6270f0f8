import type { Role } from "./member-types.js";

/** What somebody can be in a room, from the least on; each may what those before it may. In the order of the API's numbers. */
export const roles: readonly Role[] = ["visitor", "guest", "member", "moderator", "owner"];

/** Whether a role may what `least` may. */
export function hasRole(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}
