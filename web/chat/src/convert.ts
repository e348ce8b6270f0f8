// From the wire's messages to what applications see: bigint and Timestamp stay behind this file.

import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  RoomSchema,
  type Invitation as WireInvitation,
  type Member as WireMember,
  type Message as WireMessage,
  type ReadMarker as WireReadMarker,
  type Role as WireRole,
  type Room as WireRoom,
  type RoomKind as WireRoomKind,
  type Thread as WireThread,
  type User as WireUser,
} from "@rialto/gen/rialto/chat/v1/types_pb";
import type { Invitation, Member, Role, RoomKind } from "./member-types.js";
import { roles } from "./roles.js";
import type { ChatMessage, RoomSummary, Thread, User } from "./types.js";

export function toUser(user: WireUser | undefined): User {
  return { id: user?.id ?? "", name: user?.displayName ?? "", guest: user?.guest ?? false };
}

export function toMessage(message: WireMessage): ChatMessage {
  const { body } = message;
  return {
    seq: Number(message.seq),
    rev: Number(message.rev),
    sender: toUser(message.sender),
    createTime: toDate(message.createTime) ?? new Date(0),
    ...(message.editTime && { editTime: timestampDate(message.editTime) }),
    deleted: message.deleteTime !== undefined,
    clientId: message.clientId,
    text: body.case === "text" ? body.value : "",
    ...(body.case === "data" && { data: { type: body.value.type, value: body.value.value } }),
    reactions: message.reactions.map(({ emoji, userIds }) => ({ emoji, userIds })),
    ...(message.replyTo > 0n && { replyTo: Number(message.replyTo) }),
    mentions: message.mentions,
    ...(message.thread && { thread: toThread(message.thread) }),
  };
}

function toThread({ count, lastSeq, lastTime }: WireThread): Thread {
  return { count: Number(count), lastSeq: Number(lastSeq), lastTime: toDate(lastTime) ?? new Date(0) };
}

export function toMember(member: WireMember): Member {
  const since = toDate(member.createTime);
  const muteEnd = toDate(member.muteEnd);
  return {
    user: toUser(member.user),
    role: toRole(member.role),
    ...(since && { since }),
    muted: member.muted,
    ...(muteEnd && { muteEnd }),
  };
}

export function toInvitation({ room, invitedBy, role, createTime }: WireInvitation): Invitation {
  return {
    room: toSummary(room ?? create(RoomSchema), undefined),
    invitedBy: toUser(invitedBy),
    role: toRole(role),
    since: toDate(createTime) ?? new Date(0),
  };
}

/** A role of a later version counts as the greatest that is known here: showing less than somebody may would mislead. */
export function toRole(role: WireRole): Role {
  return roles[role] ?? "owner";
}

export function fromRole(role: Role): WireRole {
  return roles.indexOf(role);
}

/** In the order of the API's numbers, which begin with one that says nothing. */
const kinds: readonly RoomKind[] = ["public", "public", "private", "direct"];

/** A kind of a later version counts as private: nothing is promised to others then. */
export function toKind(kind: WireRoomKind): RoomKind {
  return kinds[kind] ?? "private";
}

export function fromKind(kind: RoomKind): WireRoomKind {
  return kinds.lastIndexOf(kind);
}

export function toSummary(room: WireRoom, read: WireReadMarker | undefined): RoomSummary {
  const headSeq = Number(room.headSeq);
  const readSeq = Number(read?.seq ?? 0n);
  return {
    id: room.id,
    title: room.title,
    topic: room.topic,
    kind: toKind(room.kind),
    archived: room.archiveTime !== undefined,
    people: room.people,
    memberCount: Number(room.memberCount),
    headSeq,
    readSeq,
    unread: unreadCount(headSeq, readSeq, Number(room.firstSeq)),
    updateTime: toDate(room.updateTime),
  };
}

/** How many messages follow the marker; see ReadMarker.unread in the API. `firstSeq` is 0 in a room that is not made yet. */
export function unreadCount(headSeq: number, readSeq: number, firstSeq: number): number {
  return Math.max(0, headSeq - Math.max(readSeq, firstSeq - 1));
}

export function toDate(time: Timestamp | undefined): Date | undefined {
  return time && timestampDate(time);
}
