import type { JoinResult } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { Event } from "@rialto/gen/rialto/chat/v1/event_pb";
import { Backoff } from "@rialto/transport/reconnect";
import { Cursor, type Position, type Step } from "./cursor.js";
import type { ChatError } from "./error.js";
import type { Result, Session } from "./session.js";
import { errorFromStatus } from "./status.js";
import type { RoomStatus } from "./types.js";

/** How many messages a fresh join brings. */
const historySize = 50;

/** Gaps in a room's events on one connection that a new join may mend; then the connection itself is given up. */
const gapsMended = 2;

export interface AttachmentEvents {
  /** A join is about to be sent. */
  joining(): void;
  /** The present join was accepted. Events that came behind it may be here already. */
  joined(result: JoinResult): void;
  /** The room is wanted and not followed, until `admitted` or the next stream. */
  refused(error: ChatError): void;
  /** The status is another. */
  changed(): void;
}

/**
 * A room's place on the stream: joins it, joins it again behind the last event after every break, refusal that may pass,
 * or gap, and knows how far that is.
 */
export class Attachment {
  private readonly room: string;
  private readonly session: Session;
  private readonly events: AttachmentEvents;
  private readonly cursor = new Cursor();
  private readonly backoff: Backoff;
  private wanted = false;
  private refusal: ChatError | undefined;
  /** The feed said so since the present join was sent, which may have been refused before. */
  private isAdmitted = false;
  /** Which join is the present one; replies to earlier ones are void. */
  private joinNumber = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private gaps = 0;

  constructor(room: string, session: Session, random: () => number, events: AttachmentEvents) {
    this.room = room;
    this.session = session;
    this.backoff = new Backoff(random);
    this.events = events;
  }

  get status(): RoomStatus {
    return this.cursor.status;
  }

  get missing(): number {
    return this.cursor.missing;
  }

  /** Why the room is not joined although it is wanted. */
  get error(): ChatError | undefined {
    return this.refusal;
  }

  /** The last event taken; undefined before the first snapshot, and when the room is gone. It outlives `stop`. */
  get position(): Position | undefined {
    return this.cursor.position;
  }

  start(): void {
    this.wanted = true;
    this.gaps = 0;
    this.join();
  }

  stop(): void {
    this.session.request({ case: "leave", value: { room: this.room } });
    clearTimeout(this.timer);
    this.wanted = false;
    this.joinNumber++;
    this.refusal = undefined;
    this.cursor.idle();
    this.events.changed();
  }

  /** The server sends nothing of the room any more. The next stream asks for it again. */
  shutOut(error: ChatError): void {
    clearTimeout(this.timer);
    this.joinNumber++;
    this.refusal = error;
    this.cursor.idle();
    this.events.changed();
  }

  /** Nothing of the room is held any more: the next join begins afresh. */
  forget(): void {
    this.cursor.forget();
  }

  /** This user may see the room now: if it was, or is yet, refused because they might not, it is joined after all. */
  admitted(): void {
    this.isAdmitted = true;
    this.joinAfterAll();
  }

  private joinAfterAll(): void {
    const code = this.refusal?.code;
    if (this.wanted && this.isAdmitted && (code === "NOT_FOUND" || code === "PERMISSION_DENIED")) {
      this.start();
    }
  }

  /** A stream is open. */
  opened(): void {
    if (this.wanted) {
      this.gaps = 0;
      this.join();
    }
  }

  /** The stream is gone. */
  lost(): void {
    clearTimeout(this.timer);
    if (this.wanted) {
      this.joinNumber++;
      this.cursor.waiting();
      this.events.changed();
    }
  }

  /** Takes an event that is a snapshot or has a rev, and says what it means. A gap is already being mended. */
  take(event: Event): Step {
    const step = this.cursor.take(event);
    if (step.kind === "gap") {
      this.mend();
    }
    return step;
  }

  private join(fresh = false): void {
    clearTimeout(this.timer);
    this.refusal = undefined;
    this.isAdmitted = false;
    this.cursor.waiting();
    this.joinNumber++;
    this.events.joining();
    const { joinNumber } = this;
    const { position } = this.cursor;
    const start =
      position && !fresh
        ? { case: "resume" as const, value: { epoch: position.epoch, rev: BigInt(position.rev) } }
        : { case: "history" as const, value: historySize };
    this.session.request({ case: "join", value: { room: this.room, start } }, (result) => {
      if (joinNumber === this.joinNumber) {
        this.answered(result);
      }
    });
    this.events.changed();
  }

  private answered(result: Result): void {
    if (result.case === "join") {
      this.backoff.reset();
      this.cursor.answered(result.value);
      this.events.joined(result.value);
    } else if (result.case === "error") {
      const error = errorFromStatus(result.value);
      const tooFast = error.code === "RESOURCE_EXHAUSTED" && error.retryAfterMs !== undefined;
      if (error.code === "UNAVAILABLE" || tooFast) {
        this.timer = setTimeout(() => this.join(), this.backoff.next(error.retryAfterMs));
      } else {
        this.refusal = error;
        this.cursor.idle();
        this.events.refused(error);
        this.joinAfterAll();
      }
    }
    this.events.changed();
  }

  /**
   * Events are missing, and those behind them are not taken. While a join is under way they are leftovers of the one
   * before it; otherwise: first again from the last event, then from scratch, then on another connection.
   */
  private mend(): void {
    if (!this.wanted || this.cursor.status === "joining") {
      return;
    }
    this.gaps++;
    if (this.gaps <= gapsMended) {
      this.join(this.gaps === gapsMended);
    } else {
      this.session.fail({ code: "protocol", text: "The server's events do not fit together." });
    }
  }
}
