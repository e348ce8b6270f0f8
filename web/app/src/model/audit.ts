import type { AuditAction, AuditEntry } from "@rialto/chat";

const words: Readonly<Record<Exclude<AuditAction, "role-changed" | "message-deleted">, string>> = {
  "member-removed": "removed",
  banned: "banned",
  unbanned: "let in again",
  muted: "muted",
  unmuted: "let speak again",
  "room-changed": "changed the room’s settings",
  "link-created": "made an invitation link",
  "link-removed": "removed an invitation link",
  "request-accepted": "accepted the request of",
  "request-declined": "declined the request of",
  other: "did something that this version does not know",
};

/** Says what was done, between the name of who did it and the name of to whom. */
export function auditWords(entry: AuditEntry): string {
  if (entry.action === "role-changed") {
    return `gave the role of ${entry.role ?? "visitor"} to`;
  }
  if (entry.action === "message-deleted") {
    return entry.userId === undefined ? `deleted message ${entry.seq}` : `deleted message ${entry.seq} of`;
  }
  return words[entry.action];
}
