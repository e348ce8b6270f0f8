import type { Event } from "@rialto/gen/rialto/chat/v1/event_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import type { Message as WireMessage, Room as WireRoom } from "@rialto/gen/rialto/chat/v1/types_pb";
import { Backoff } from "./backoff.js";
import { newClientId } from "./client-id.js";
import { toMessage, toUser, unreadCount } from "./convert.js";
import { Cursor, type Step } from "./cursor.js";
import type { ChatError } from "./error.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { ReadMarker } from "./read-marker.js";
import type { Result, Session } from "./session.js";
import { errorFromStatus } from "./status.js";
import { Store } from "./store.js";
import { Timeline } from "./timeline.js";
import type { ChatMessage, Listener, Room, RoomSnapshot, Unsubscribe } from "./types.js";
import { TypingSignal, Typists } from "./typing.js";

/** How many messages a fresh join and a page of history bring. */
const pageSize = 50;

/** Gaps in a room's events on one connection that a new join may mend; then the connection itself is given up. */
const gapsMended = 2;

/**
 * A room on the client's session: joins and joins again, follows the events, and keeps what the application sees.
 *
 * The client calls `opened`, `established` and `lost` as the connection goes, `receive` for each event of this room, and
 * `changed` after a batch of them.
 */
export class RoomSession implements Room {
  readonly id: string;
  private readonly session: Session;
  private readonly store = new Store<RoomSnapshot>(() => this.build());
  private readonly cursor = new Cursor();
  private readonly timeline = new Timeline();
  private readonly outbox = new Outbox();
  private readonly presence = new Presence();
  private readonly typists = new Typists(() => this.changed());
  private readonly typingSignal = new TypingSignal((typing) => this.sendTyping(typing));
  private readonly readMarker = new ReadMarker((seq) => this.sendMark(seq));
  private readonly joinBackoff: Backoff;
  private readonly publishBackoff: Backoff;

  /** Calls of `join` without a `leave`. */
  private wanted = 0;
  /** Which join is the present one; replies to earlier ones are void. */
  private joinNumber = 0;
  private joinTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs while publishes wait because the server asked for it. */
  private publishTimer: ReturnType<typeof setTimeout> | undefined;
  private gaps = 0;
  private error: ChatError | undefined;
  private loading: Promise<void> | undefined;
  /** The room as of its newest change here. */
  private info = { title: "", headSeq: 0, headRev: 0, firstSeq: 0 };

  constructor(id: string, session: Session, random: () => number) {
    this.id = id;
    this.session = session;
    this.joinBackoff = new Backoff(random);
    this.publishBackoff = new Backoff(random);
  }

  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  getSnapshot(): RoomSnapshot {
    return this.store.getSnapshot();
  }

  join(): void {
    this.wanted++;
    if (this.wanted === 1) {
      this.gaps = 0;
      this.sendJoin();
    }
  }

  leave(): void {
    if (this.wanted === 0) {
      return;
    }
    this.wanted--;
    if (this.wanted === 0) {
      this.session.request({ case: "leave", value: { room: this.id } });
      this.detach();
    }
  }

  send(text: string): string {
    const clientId = newClientId();
    this.outbox.add(clientId, text);
    this.typingSignal.reset();
    this.publish();
    this.changed();
    return clientId;
  }

  retry(clientId: string): void {
    if (this.outbox.retry(clientId)) {
      this.publish();
      this.changed();
    }
  }

  discard(clientId: string): void {
    if (this.outbox.discard(clientId)) {
      this.changed();
    }
  }

  edit(seq: number, text: string): Promise<void> {
    const request = { room: this.id, seq: BigInt(seq), text };
    return this.change(this.session.call(MessageService.method.editMessage, request));
  }

  remove(seq: number): Promise<void> {
    const request = { room: this.id, seq: BigInt(seq) };
    return this.change(this.session.call(MessageService.method.deleteMessage, request));
  }

  addReaction(seq: number, emoji: string): Promise<void> {
    const request = { room: this.id, seq: BigInt(seq), emoji };
    return this.change(this.session.call(MessageService.method.addReaction, request));
  }

  removeReaction(seq: number, emoji: string): Promise<void> {
    const request = { room: this.id, seq: BigInt(seq), emoji };
    return this.change(this.session.call(MessageService.method.removeReaction, request));
  }

  loadOlder(): Promise<void> {
    if (!this.hasOlder) {
      return Promise.resolve();
    }
    if (!this.loading) {
      this.loading = this.load().finally(() => {
        this.loading = undefined;
        this.changed();
      });
      this.changed();
    }
    return this.loading;
  }

  setTyping(typing: boolean): void {
    if (this.session.live && this.wanted > 0) {
      this.typingSignal.set(typing);
    }
  }

  markRead(seq: number): void {
    if (this.readMarker.mark(seq)) {
      this.changed();
    }
  }

  /** A stream is open: the join goes out right behind the hello. */
  opened(): void {
    this.gaps = 0;
    if (this.wanted > 0) {
      this.sendJoin();
    }
  }

  /** The session is welcome: what waited goes out. */
  established(): void {
    this.publish();
    this.readMarker.flush();
    this.changed();
  }

  /** The stream is gone, or the client is closed. */
  lost(): void {
    this.stopTimers();
    this.outbox.lost();
    this.readMarker.lost();
    this.typists.clear();
    this.typingSignal.reset();
    if (this.wanted > 0) {
      this.joinNumber++;
      this.cursor.waiting();
    }
    this.changed();
  }

  /** Takes an event of this room. The caller calls `changed` after the last of a batch. */
  receive(event: Event): void {
    const { kind } = event;
    switch (kind.case) {
      case "presence":
        this.presence.apply(kind.value);
        break;
      case "signaled":
        if (kind.value.signal.case === "typing" && kind.value.user?.id !== this.session.userId) {
          this.typists.heard(toUser(kind.value.user), kind.value.signal.value);
        }
        break;
      case "read":
        this.readMarker.told(Number(kind.value.seq));
        break;
      default:
        if (kind.case === "snapshot" || event.rev > 0n) {
          this.follow(event);
        }
    }
  }

  /** Tells the listeners. */
  changed(): void {
    this.store.changed();
  }

  private sendJoin(fresh = false): void {
    clearTimeout(this.joinTimer);
    this.error = undefined;
    this.cursor.waiting();
    this.joinNumber++;
    const { joinNumber } = this;
    const { position } = this.cursor;
    const start =
      position && !fresh
        ? { case: "resume" as const, value: { epoch: position.epoch, rev: BigInt(position.rev) } }
        : { case: "history" as const, value: pageSize };
    this.session.request({ case: "join", value: { room: this.id, start } }, (result) => {
      if (joinNumber === this.joinNumber) {
        this.joined(result);
      }
    });
    this.changed();
  }

  private joined(result: Result): void {
    if (result.case === "join") {
      const { epoch, read, room } = result.value;
      this.joinBackoff.reset();
      this.cursor.answered(result.value);
      if (room && epoch === this.cursor.position?.epoch) {
        this.learn(room);
      }
      if (read) {
        this.readMarker.told(Number(read.seq));
      }
    } else if (result.case === "error") {
      const error = errorFromStatus(result.value);
      if (error.code === "UNAVAILABLE") {
        const delayMs = this.joinBackoff.next(error.retryAfterMs);
        this.joinTimer = setTimeout(() => this.sendJoin(), delayMs);
      } else {
        this.error = error;
        this.cursor.idle();
      }
    }
    this.changed();
  }

  /** Stops to follow the room. */
  private detach(): void {
    clearTimeout(this.joinTimer);
    this.joinNumber++;
    this.error = undefined;
    this.cursor.idle();
    this.outbox.detached();
    this.presence.clear();
    this.typists.clear();
    this.typingSignal.reset();
    this.changed();
  }

  private follow(event: Event): void {
    const step = this.cursor.take(event);
    switch (step.kind) {
      case "next":
        this.apply(event);
        break;
      case "repeat":
        this.mergeFrom(event);
        break;
      case "reset":
        this.reset(step);
        break;
      case "gap":
        this.mend();
        break;
      case "part":
        return;
    }
    this.outbox.reached(this.cursor.position?.rev ?? 0);
  }

  private apply(event: Event): void {
    const message = this.mergeFrom(event);
    if (event.kind.case === "roomChanged") {
      this.learn(event.kind.value);
    } else if (message && event.kind.case === "posted") {
      this.info.firstSeq ||= 1;
      this.typists.stopped(message.sender.id);
      // While catching up the join's answer knows better: the marker may have been moved back since.
      if (message.sender.id === this.session.userId && this.cursor.status === "live") {
        this.readMarker.posted(message.seq);
      }
    }
  }

  private mergeFrom({ kind }: Event): ChatMessage | undefined {
    switch (kind.case) {
      case "posted":
      case "edited":
      case "deleted":
      case "reacted": {
        const message = toMessage(kind.value);
        this.timeline.merge(message);
        this.outbox.seen(message, this.session.userId);
        return message;
      }
      default:
        return undefined;
    }
  }

  private reset({ snapshot, newEpoch }: Extract<Step, { kind: "reset" }>): void {
    const page = snapshot.messages.map(toMessage);
    this.info = { title: "", headSeq: 0, headRev: 0, firstSeq: 0 };
    if (snapshot.room) {
      this.learn(snapshot.room);
    }
    this.timeline.reset(page, this.info.headSeq, newEpoch);
    if (newEpoch) {
      this.readMarker.reset();
      this.outbox.epochChanged();
    }
    this.settle(page);
    if (newEpoch) {
      this.publish();
    }
  }

  private settle(page: readonly ChatMessage[]): void {
    for (const message of page) {
      this.outbox.seen(message, this.session.userId);
    }
  }

  private learn(room: WireRoom): void {
    const headRev = Number(room.headRev);
    if (headRev >= this.info.headRev) {
      this.info = {
        title: room.title,
        headSeq: Number(room.headSeq),
        headRev,
        firstSeq: Number(room.firstSeq),
      };
    }
  }

  /** Events are missing. Those that follow now are not taken; a join that is under way brings them all. */
  private mend(): void {
    if (this.wanted === 0 || this.cursor.status === "joining") {
      return;
    }
    this.gaps++;
    if (this.gaps <= gapsMended) {
      this.sendJoin(this.gaps === gapsMended);
    } else {
      this.session.fail({ code: "protocol", text: "The server's events do not fit together." });
    }
  }

  private publish(): void {
    const { live, userId } = this.session;
    if (!live || userId === undefined || this.publishTimer !== undefined) {
      return;
    }
    this.outbox.flush(userId, (clientId, text) =>
      this.session.request(
        { case: "publish", value: { room: this.id, clientId, body: { case: "text", value: text } } },
        (result) => this.published(clientId, result),
      ),
    );
  }

  private published(clientId: string, result: Result): void {
    if (result.case === "publish") {
      const rev = Number(result.value.rev);
      const expected = this.cursor.status !== "idle" && (this.cursor.position?.rev ?? 0) < rev;
      this.publishBackoff.reset();
      this.outbox.stored(clientId, rev, expected);
    } else if (result.case === "error") {
      const error = errorFromStatus(result.value);
      if (this.outbox.refused(clientId, error) && this.publishTimer === undefined) {
        this.publishTimer = setTimeout(() => {
          this.publishTimer = undefined;
          this.publish();
        }, this.publishBackoff.next(error.retryAfterMs));
      }
    }
    this.changed();
  }

  private sendTyping(typing: boolean): void {
    this.session.signal({ case: "signal", value: { room: this.id, signal: { case: "typing", value: typing } } });
  }

  private sendMark(seq: number): boolean {
    const { session } = this;
    return (
      session.live &&
      session.request({ case: "markRead", value: { room: this.id, seq: BigInt(seq) } }, (result) => {
        const now = result.case === "markRead" ? Number(result.value.read?.seq ?? 0n) : undefined;
        if (this.readMarker.answered(seq, now)) {
          this.changed();
        }
      })
    );
  }

  private async change(call: Promise<{ readonly message?: WireMessage | undefined }>): Promise<void> {
    const epoch = this.cursor.position?.epoch;
    const { message } = await call;
    if (message && epoch !== undefined && epoch === this.cursor.position?.epoch) {
      this.timeline.merge(toMessage(message));
      this.changed();
    }
  }

  private get hasOlder(): boolean {
    return this.cursor.position !== undefined && this.timeline.firstSeq > Math.max(1, this.info.firstSeq);
  }

  private async load(): Promise<void> {
    const { messages, room, epoch } = await this.session.call(MessageService.method.listMessages, {
      room: this.id,
      position: { case: "beforeSeq", value: BigInt(this.timeline.firstSeq) },
      pageSize,
      minRev: BigInt(this.cursor.position?.rev ?? 0),
    });
    if (epoch !== this.cursor.position?.epoch) {
      return;
    }
    const page = messages.map(toMessage);
    this.timeline.prepend(page);
    this.settle(page);
    if (room) {
      this.info = { ...this.info, firstSeq: Number(room.firstSeq) };
    }
  }

  private stopTimers(): void {
    clearTimeout(this.joinTimer);
    clearTimeout(this.publishTimer);
    this.publishTimer = undefined;
    this.readMarker.stop();
  }

  private build(): RoomSnapshot {
    const headSeq = Math.max(this.info.headSeq, this.timeline.lastSeq);
    const { seq: readSeq } = this.readMarker;
    return {
      id: this.id,
      title: this.info.title,
      status: this.cursor.status,
      ...(this.error && { error: this.error }),
      missing: this.cursor.missing,
      messages: this.timeline.messages,
      pending: this.outbox.pending,
      online: this.presence.online,
      onlineCount: this.presence.count,
      typing: this.typists.users,
      hasOlder: this.hasOlder,
      loadingOlder: this.loading !== undefined,
      headSeq,
      readSeq,
      unread: unreadCount(headSeq, readSeq, this.info.firstSeq),
    };
  }
}
