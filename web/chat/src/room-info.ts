import { durationMs, type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Event } from "@rialto/gen/rialto/chat/v1/event_pb";
import {
  Role,
  RoomKind,
  type Retention as WireRetention,
  type Room as WireRoom,
} from "@rialto/gen/rialto/chat/v1/types_pb";
import { toKind, toMember, toRole, toUser } from "./convert.js";
import type { Member, Retention, RoomSettings } from "./member-types.js";

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
const unknownRoom: RoomInfo = {
  title: "",
  topic: "",
  slowModeMs: 0,
  kind: "public",
  posting: "visitor",
  archived: false,
  joinRequests: false,
  retention: null,
  people: [],
  memberCount: 0,
  headSeq: 0,
  headRev: 0,
  firstSeq: 0,
};

function toRoomInfo(room: WireRoom): RoomInfo {
  return {
    title: room.title,
    topic: room.topic,
    slowModeMs: room.slowMode ? durationMs(room.slowMode) : 0,
    kind: toKind(room.kind),
    posting: toRole(room.posting),
    archived: room.archiveTime !== undefined,
    joinRequests: room.joinRequests,
    retention: room.retention ? toRetention(room.retention) : null,
    people: room.people,
    memberCount: Number(room.memberCount),
    headSeq: Number(room.headSeq),
    headRev: Number(room.headRev),
    firstSeq: Number(room.firstSeq),
  };
}

function toRetention({ maxAge, maxMessages }: WireRetention): Retention {
  return {
    ...(maxAge && { maxAgeMs: durationMs(maxAge) }),
    ...(maxMessages > 0n && { maxMessages: Number(maxMessages) }),
  };
}

/**
 * What is known of a room beside its messages, and what this user is there: as the newest of answers and events says, in whatever
 * order they come.
 */
export class RoomFacts {
  private known = unknownRoom;
  private mine: Member | undefined;
  /** The rev of the last event about that since the present join was sent; 0: there was none. */
  private mineRev = 0;

  get info(): RoomInfo {
    return this.known;
  }

  /** What this user is here: a member, or a visitor who is muted. */
  get me(): Member | undefined {
    return this.mine;
  }

  /** Nothing of the room comes any more: what this user is there is not known. */
  unfollowed(): void {
    this.mine = undefined;
  }

  /** A join is about to be sent. */
  joining(): void {
    this.mineRev = 0;
  }

  /** A join was answered with what this user was at this rev. */
  joined(member: Member | undefined, headRev: number): void {
    if (headRev >= this.mineRev) {
      this.mine = member;
    }
  }

  /** The room as an answer or an event shows it. */
  learn(room: WireRoom): void {
    if (Number(room.headRev) >= this.known.headRev) {
      const { firstSeq } = this.known;
      this.known = toRoomInfo(room);
      // A trim moves no rev here: this may be older than the last one.
      this.beginsWith(firstSeq);
    }
  }

  /** Starts afresh. */
  reset(room: WireRoom | undefined): void {
    this.known = room ? toRoomInfo(room) : unknownRoom;
    this.mineRev = 0;
  }

  /** The oldest message that is kept is this one, or a later one, as is known: it only rises. */
  beginsWith(firstSeq: number): void {
    this.known = { ...this.known, firstSeq: Math.max(firstSeq, this.known.firstSeq) };
  }

  /** Takes the room's next event. `userId` is who this user is. */
  apply(event: Event, userId: string | undefined): void {
    const { rev, kind } = event;
    if (rev === 1n) {
      this.made(event, userId);
    }
    this.countMembers(event);
    if (kind.case === "roomChanged") {
      this.learn(kind.value);
    } else if (kind.case === "trimmed") {
      this.beginsWith(Number(kind.value.firstSeq));
    } else if (kind.case === "memberChanged" && kind.value.user?.id === userId) {
      this.am(toMember(kind.value), rev);
    } else if (kind.case === "memberRemoved" && kind.value.user?.id === userId) {
      this.am(undefined, rev);
    }
  }

  /** The first event stands for the making of the room and for its maker's ownership. */
  private made({ rev, time, kind }: Event, userId: string | undefined): void {
    const creator =
      kind.case === "posted" ? kind.value.sender : kind.case === "roomChanged" ? kind.value.creator : undefined;
    const isDirect = kind.case === "roomChanged" && kind.value.kind === RoomKind.DIRECT;
    if (!creator || isDirect) {
      return;
    }
    this.known = { ...this.known, memberCount: Math.max(1, this.known.memberCount) };
    if (creator.id === userId) {
      this.am({ user: toUser(creator), role: "owner", ...(time && { since: timestampDate(time) }), muted: false }, rev);
    }
  }

  /** An event says what this user is. */
  private am(member: Member | undefined, rev: bigint): void {
    this.mine = member;
    this.mineRev = Number(rev);
  }

  /** An event about a member does not say how many there are: somebody became one at the time of the event, or is one no more. */
  private countMembers({ rev, time, kind }: Event): void {
    const headRev = Number(rev);
    const isNews = headRev > this.known.headRev;
    const became =
      kind.case === "memberChanged" && kind.value.role !== Role.UNSPECIFIED && isSame(kind.value.createTime, time);
    const left = kind.case === "memberRemoved" && kind.value.role !== Role.UNSPECIFIED;
    if (isNews && (became || left)) {
      this.known = { ...this.known, headRev, memberCount: this.known.memberCount + (became ? 1 : -1) };
    }
  }
}

function isSame(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a !== undefined && a.seconds === b?.seconds && a.nanos === b.nanos;
}
