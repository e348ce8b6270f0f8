// As ../convert.ts, for what only calls bring.

import {
  type AuditEntry as WireAuditEntry,
  type Ban as WireBan,
  type Link as WireLink,
  type MembershipRequest as WireMembershipRequest,
  Role as WireRole,
} from "@rialto/gen/rialto/chat/v1/types_pb";
import { toDate, toRole, toUser } from "../convert.js";
import type { AuditAction, AuditEntry, Ban, JoinRequest, Link } from "../member-types.js";

export function toBan(ban: WireBan): Ban {
  const end = toDate(ban.endTime);
  return {
    user: toUser(ban.user),
    bannedBy: toUser(ban.bannedBy),
    reason: ban.reason,
    since: toDate(ban.createTime) ?? new Date(0),
    ...(end && { end }),
  };
}

export function toLink(link: WireLink): Link {
  const end = toDate(link.endTime);
  return {
    id: link.id,
    creator: toUser(link.creator),
    role: toRole(link.role),
    since: toDate(link.createTime) ?? new Date(0),
    ...(end && { end }),
    maxUses: link.maxUses,
    uses: link.uses,
  };
}

export function toJoinRequest({ user, note, createTime }: WireMembershipRequest): JoinRequest {
  return { user: toUser(user), note, since: toDate(createTime) ?? new Date(0) };
}

/** In the order of the API's numbers, which begin with one that says nothing. */
const auditActions: readonly AuditAction[] = [
  "other",
  "member-removed",
  "banned",
  "unbanned",
  "muted",
  "unmuted",
  "role-changed",
  "room-changed",
  "message-deleted",
  "link-created",
  "link-removed",
  "request-accepted",
  "request-declined",
];

export function toAuditEntry({ action, actor, time, userId, seq, endTime, text, role }: WireAuditEntry): AuditEntry {
  const end = toDate(endTime);
  return {
    action: auditActions[action] ?? "other",
    actor: toUser(actor),
    time: toDate(time) ?? new Date(0),
    ...(userId !== "" && { userId }),
    ...(seq > 0n && { seq: Number(seq) }),
    ...(end && { end }),
    text,
    ...(role !== WireRole.UNSPECIFIED && { role: toRole(role) }),
  };
}
