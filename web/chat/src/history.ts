import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { toMessage } from "./convert.js";
import type { Position } from "./cursor.js";
import type { RoomFacts } from "./room-info.js";
import type { Session } from "./session.js";
import { Timeline } from "./timeline.js";
import type { ChatMessage } from "./types.js";

/** How many messages a page of history brings. */
const pageSize = 50;

/** How many messages stay in a room that is followed while nobody reads back. */
const keptMessages = 2000;

/** How many more may gather before the oldest are let go, so that this is not done for each. */
const surplusMessages = 200;

/** What a history uses of its room. */
export interface HistoryRoom {
  readonly id: string;
  readonly facts: RoomFacts;
  /** The last event that the room took; undefined before the first snapshot. */
  position(): Position | undefined;
  /** Whether anybody follows the room. */
  followed(): boolean;
  /** A page of older messages came. */
  came(page: readonly ChatMessage[]): void;
  /** What is shown is another. */
  changed(): void;
}

/** How far back a room's messages are here: older ones come by the page when they are asked for, and go when nobody reads back. */
export class History {
  readonly timeline = new Timeline();
  private readonly room: HistoryRoom;
  private readonly session: Session;
  private page: Promise<void> | undefined;
  /** Somebody reads back: nothing of what is loaded is let go. */
  private kept = false;

  constructor(room: HistoryRoom, session: Session) {
    this.room = room;
    this.session = session;
  }

  get hasOlder(): boolean {
    return this.room.position() !== undefined && this.timeline.firstSeq > Math.max(1, this.room.facts.info.firstSeq);
  }

  /** Whether a page is under way. */
  get loading(): boolean {
    return this.page !== undefined;
  }

  /** Asks for a page, once. Resolves when it is here. Rejects with ChatError. */
  loadOlder(): Promise<void> {
    if (!this.hasOlder || !this.room.followed()) {
      return Promise.resolve();
    }
    this.kept = true;
    if (!this.page) {
      this.page = this.load().finally(() => {
        this.page = undefined;
        this.room.changed();
      });
      this.room.changed();
    }
    return this.page;
  }

  /** Says whether somebody reads back. */
  keepOlder(keep: boolean): void {
    this.kept = keep && this.room.followed();
    if (this.letGo()) {
      this.room.changed();
    }
  }

  /** Nobody follows the room any more. */
  left(): void {
    this.kept = false;
    this.letGo();
  }

  /** Lets go of the oldest messages that nobody reads: many, or all but a page once the room was left. Returns whether it did. */
  letGo(): boolean {
    if (!this.room.followed()) {
      return this.timeline.trim(pageSize);
    }
    if (this.kept || this.page || this.timeline.length <= keptMessages + surplusMessages) {
      return false;
    }
    return this.timeline.trim(keptMessages);
  }

  private async load(): Promise<void> {
    const before = this.timeline.firstSeq;
    const { messages, room, epoch } = await this.session.call(MessageService.method.listMessages, {
      room: this.room.id,
      position: { case: "beforeSeq", value: BigInt(before) },
      pageSize,
      minRev: BigInt(Math.max(this.room.position()?.rev ?? 0, this.timeline.pageRev)),
    });
    // Of another epoch: a join is about to bring everything anew.
    if (epoch === this.room.position()?.epoch) {
      const page = messages.map(toMessage);
      if (this.room.followed()) {
        this.timeline.prepend(page, Number(room?.headRev ?? 0n));
      }
      this.room.came(page);
      this.room.facts.beginsWith(page.length > 0 ? Number(room?.firstSeq ?? 0n) : before);
    }
  }
}
