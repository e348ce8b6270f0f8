import { durationMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { Event } from "@rialto/gen/rialto/chat/v1/event_pb";
import { Role, type Room as WireRoom } from "@rialto/gen/rialto/chat/v1/types_pb";
import { toKind, toRole } from "./convert.js";
import type { RoomSettings } from "./member-types.js";

/** What is known of a room beside its messages. */
export interface RoomInfo extends Required<RoomSettings> {
  readonly memberCount: number;
  readonly people: readonly string[];
  readonly headSeq: number;
  readonly headRev: number;
  /** The seq of the oldest message that is kept; 0 in a room that is not made yet. */
  readonly firstSeq: number;
}

/** What is known of a room before anything of it came. */
export const unknownRoom: RoomInfo = {
  title: "",
  topic: "",
  slowModeMs: 0,
  kind: "public",
  posting: "visitor",
  archived: false,
  joinRequests: false,
  people: [],
  memberCount: 0,
  headSeq: 0,
  headRev: 0,
  firstSeq: 0,
};

export function toRoomInfo(room: WireRoom): RoomInfo {
  return {
    title: room.title,
    topic: room.topic,
    slowModeMs: room.slowMode ? durationMs(room.slowMode) : 0,
    kind: toKind(room.kind),
    posting: toRole(room.posting),
    archived: room.archiveTime !== undefined,
    joinRequests: room.joinRequests,
    people: room.people,
    memberCount: Number(room.memberCount),
    headSeq: Number(room.headSeq),
    headRev: Number(room.headRev),
    firstSeq: Number(room.firstSeq),
  };
}

/**
 * Returns what is known after an event about a member, which does not say how many there are: somebody became one at the time of
 * the event, or is one no more.
 */
export function countMembers(info: RoomInfo, { rev, time, kind }: Event): RoomInfo {
  const headRev = Number(rev);
  const isNews = headRev > info.headRev;
  const became =
    kind.case === "memberChanged" && kind.value.role !== Role.UNSPECIFIED && isSame(kind.value.createTime, time);
  const left = kind.case === "memberRemoved" && kind.value.role !== Role.UNSPECIFIED;
  return isNews && (became || left) ? { ...info, headRev, memberCount: info.memberCount + (became ? 1 : -1) } : info;
}

function isSame(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a !== undefined && a.seconds === b?.seconds && a.nanos === b.nanos;
}
