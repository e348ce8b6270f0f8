// From the wire's messages to what applications see: bigint and Timestamp stay behind this file.

import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type {
  Message as WireMessage,
  ReadMarker as WireReadMarker,
  Room as WireRoom,
  Thread as WireThread,
  User as WireUser,
} from "@rialto/gen/rialto/chat/v1/types_pb";
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

export function toSummary(room: WireRoom, read: WireReadMarker | undefined): RoomSummary {
  const headSeq = Number(room.headSeq);
  const readSeq = Number(read?.seq ?? 0n);
  return {
    id: room.id,
    title: room.title,
    topic: room.topic,
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

function toDate(time: Timestamp | undefined): Date | undefined {
  return time && timestampDate(time);
}
