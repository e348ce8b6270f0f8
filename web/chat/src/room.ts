import type { JoinResult } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { type Event, ShutOutReason, type Signaled, SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { Attachment } from "./attachment.js";
import { newClientId } from "./client-id.js";
import { toMember, toMessage, toUser, unreadCount } from "./convert.js";
import type { Step } from "./cursor.js";
import { ChatError } from "./error.js";
import type { RoomProgress } from "./feed.js";
import { History } from "./history.js";
import type { RoomSettings } from "./member-types.js";
import { Members } from "./members.js";
import { MessageCalls } from "./message-calls.js";
import type { StoredMessage } from "./message-store.js";
import type { Draft } from "./outbox.js";
import { Presence } from "./presence.js";
import { Publisher } from "./publisher.js";
import { ReadMarker } from "./read-marker.js";
import { RoomFacts } from "./room-info.js";
import { RoomViews } from "./room-views.js";
import type { Session } from "./session.js";
import { Store } from "./store.js";
import type {
  ChatMessage,
  EditOptions,
  Listener,
  MessageOptions,
  MessageView,
  Room,
  RoomReset,
  RoomSnapshot,
  Unsubscribe,
} from "./types.js";
import { TypingSignal, Typists } from "./typing.js";

/** Why a snapshot came of a room that is still what it was. */
const farBehind = [SnapshotReason.TOO_FAR_BEHIND, SnapshotReason.TRIMMED];

/**
 * A room on the client's session: follows its events and keeps what the application sees.
 *
 * The client calls `opened`, `established` and `lost` as the connection goes, `receive` for each event of this room, and
 * `changed` after a batch of them.
 */
export class RoomSession implements Room {
  readonly id: string;
  readonly members: Members;
  private readonly session: Session;
  private readonly store = new Store<RoomSnapshot>(() => this.build());
  private readonly presence = new Presence();
  private readonly typists = new Typists(() => this.changed());
  private readonly typingSignal = new TypingSignal((typing) => this.sendTyping(typing));
  private readonly readMarker = new ReadMarker((seq) => this.sendMark(seq));
  private readonly facts = new RoomFacts();
  private readonly history: History;
  private readonly attachment: Attachment;
  private readonly publisher: Publisher;
  private readonly calls: MessageCalls;
  private readonly views: RoomViews;
  /** Calls of `join` without a `leave`. */
  private joins = 0;
  /** Why the room began anew the last time that it did. */
  private lastReset: RoomReset | undefined;

  constructor(id: string, session: Session, random: () => number) {
    this.id = id;
    this.session = session;
    this.members = new Members({
      id,
      rev: () => this.attachment.position?.rev ?? 0,
      session,
    });
    this.history = new History(
      {
        id,
        facts: this.facts,
        position: () => this.attachment.position,
        followed: () => this.joins > 0,
        came: (page) => this.settle(page),
        changed: () => this.changed(),
      },
      session,
    );
    this.views = new RoomViews(id, session, () => this.attachment.position);
    this.calls = new MessageCalls(id, session, {
      epoch: () => this.attachment.position?.epoch,
      get: (seq) => this.history.timeline.get(seq),
      merge: (message) => {
        this.merge(message);
        this.changed();
      },
    });
    this.attachment = new Attachment(id, session, random, {
      joining: () => {
        this.facts.joining();
        this.readMarker.joining();
      },
      joined: (result) => this.joined(result),
      refused: ({ code }) => this.shut(code === "NOT_FOUND"),
      changed: () => this.changed(),
    });
    this.publisher = new Publisher(id, session, random, {
      expects: (rev) => this.attachment.status !== "idle" && (this.attachment.position?.rev ?? 0) < rev,
      changed: () => this.changed(),
    });
  }

  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  getSnapshot(): RoomSnapshot {
    return this.store.getSnapshot();
  }

  join(): void {
    this.joins++;
    if (this.joins === 1) {
      this.attachment.start();
    }
  }

  leave(): void {
    if (this.joins === 0) {
      return;
    }
    this.joins--;
    if (this.joins === 0) {
      this.unfollowed();
      this.history.left();
      this.attachment.stop();
    }
  }

  send(text: string, options: MessageOptions = {}): string {
    return this.post({ ...options, text });
  }

  sendData(type: string, value: Uint8Array, options: MessageOptions = {}): string {
    return this.post({ ...options, text: "", data: { type, value } });
  }

  private post(draft: Draft): string {
    const clientId = newClientId();
    this.publisher.outbox.add(clientId, draft);
    this.typingSignal.reset();
    this.publisher.flush();
    this.changed();
    return clientId;
  }

  retry(clientId: string): void {
    if (this.publisher.outbox.retry(clientId)) {
      this.publisher.flush();
      this.changed();
    }
  }

  discard(clientId: string): void {
    if (this.publisher.outbox.discard(clientId)) {
      this.changed();
    }
  }

  async update(settings: RoomSettings): Promise<void> {
    const { call } = this.session;
    const room = await this.session.later(({ RoomCalls }) => new RoomCalls(call).update(this.id, settings));
    if (room) {
      this.facts.learn(room);
      this.changed();
    }
  }

  async delete(): Promise<void> {
    const { call } = this.session;
    await this.session.later(({ RoomCalls }) => new RoomCalls(call).delete(this.id));
  }

  edit(seq: number, text: string, options: EditOptions = {}): Promise<void> {
    return this.calls.edit(seq, text, options);
  }

  remove(seq: number): Promise<void> {
    return this.calls.remove(seq);
  }

  addReaction(seq: number, emoji: string): Promise<void> {
    return this.calls.addReaction(seq, emoji);
  }

  removeReaction(seq: number, emoji: string): Promise<void> {
    return this.calls.removeReaction(seq, emoji);
  }

  loadOlder(): Promise<void> {
    return this.history.loadOlder();
  }

  keepOlder(keep: boolean): void {
    this.history.keepOlder(keep);
  }

  around(seq: number): MessageView {
    return this.views.open({ around: seq });
  }

  thread(seq: number): MessageView {
    return this.views.open({ repliesTo: seq });
  }

  setTyping(typing: boolean): void {
    if (this.session.live && this.joins > 0) {
      this.typingSignal.set(typing);
    }
  }

  markRead(seq: number): void {
    if (this.readMarker.mark(seq)) {
      if (this.session.live) {
        this.readMarker.flush();
      }
      this.changed();
    }
  }

  /** Takes up messages of an earlier visit that did not get into the room. */
  restore(messages: readonly StoredMessage[]): void {
    this.publisher.outbox.restore(messages);
    this.publisher.flush();
    this.changed();
  }

  /** What was kept of an earlier visit is here: what waited for that goes out. */
  restored(): void {
    this.publisher.flush();
    this.changed();
  }

  /** The user's feed says that they are a member. */
  admitted(): void {
    this.attachment.admitted();
  }

  /** A stream is open: the join goes out right behind the hello. */
  opened(): void {
    this.attachment.opened();
  }

  /** The session is welcome: what waited goes out. */
  established(): void {
    this.publisher.flush();
    this.readMarker.flush();
    this.changed();
  }

  /** The stream is gone, for this error if the server said one. No timer of this room runs until there is another. */
  lost(error: ChatError | undefined): void {
    this.publisher.lost(error);
    this.readMarker.lost();
    this.typists.clear();
    this.typingSignal.reset();
    this.attachment.lost();
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
        this.signaled(kind.value);
        break;
      case "read":
        this.readMarker.told(Number(kind.value.seq));
        break;
      case "shutOut":
        this.shutOut(kind.value.reason);
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
    this.session.progressed(this.id);
  }

  /** What this room knows of itself before the user's feed tells it. */
  get progress(): RoomProgress {
    const isLive = this.attachment.status === "live";
    return {
      headSeq: isLive ? this.headSeq : undefined,
      readSeq: isLive ? this.readMarker.seq : this.readMarker.wish,
    };
  }

  private shutOut(reason: ShutOutReason): void {
    const isDeleted = reason === ShutOutReason.ROOM_DELETED;
    // Otherwise the event that says why came before.
    const text = isDeleted ? "The room was deleted." : "You may not see this room any more.";
    const code = isDeleted || this.facts.info.kind === "private" ? "NOT_FOUND" : "PERMISSION_DENIED";
    this.attachment.shutOut(new ChatError(code, text));
    this.shut(isDeleted);
  }

  /** Nothing of the room comes any more. */
  private unfollowed(): void {
    this.publisher.outbox.detached();
    this.presence.clear();
    this.typists.clear();
    this.typingSignal.reset();
  }

  /** This user may not follow the room. If it is gone, nothing of it is shown any more. */
  private shut(isGone: boolean): void {
    this.unfollowed();
    this.facts.unfollowed();
    if (!isGone) {
      return;
    }
    this.attachment.forget();
    this.facts.reset(undefined);
    this.history.timeline.reset([], { seq: 0, rev: 0 }, true);
    this.views.reset();
    this.members.reset();
  }

  private joined({ epoch, room, read, member }: JoinResult): void {
    this.facts.joined(member && toMember(member), Number(room?.headRev ?? 0n));
    const { position } = this.attachment;
    // The first snapshot may still be on its way; how much is unread is known already.
    if (room && (!position || epoch === position.epoch)) {
      this.facts.learn(room);
    }
    if (read) {
      this.readMarker.joined(Number(read.seq));
    }
  }

  private follow(event: Event): void {
    const step = this.attachment.take(event);
    if (step.kind === "next") {
      this.apply(event);
    } else if (step.kind === "repeat") {
      this.mergeFrom(event);
    } else if (step.kind === "reset") {
      this.reset(step);
    } else {
      return;
    }
    this.publisher.outbox.reached(this.attachment.position?.rev ?? 0);
  }

  private apply(event: Event): void {
    const message = this.mergeFrom(event);
    this.facts.apply(event, this.session.userId);
    if (event.kind.case === "trimmed") {
      this.history.timeline.dropBelow(Number(event.kind.value.firstSeq), Number(event.rev));
      this.views.dropBelow(Number(event.kind.value.firstSeq));
    } else if (event.kind.case === "memberChanged") {
      this.members.changed(toMember(event.kind.value));
    } else if (event.kind.case === "memberRemoved") {
      this.members.removed(event.kind.value.user?.id ?? "");
    } else if (message && event.kind.case === "posted") {
      this.history.timeline.answered(message);
      this.views.posted(message);
      this.typists.stopped(message.sender.id);
      // While catching up the join's answer knows better: the marker may have been moved back since.
      if (message.sender.id === this.session.userId && this.attachment.status === "live") {
        this.readMarker.posted(message.seq);
      }
      this.history.letGo();
    }
  }

  private mergeFrom({ kind }: Event): ChatMessage | undefined {
    switch (kind.case) {
      case "posted":
      case "edited":
      case "deleted":
      case "reacted": {
        const message = toMessage(kind.value);
        this.merge(message);
        this.publisher.outbox.seen(message, this.session.userId);
        return message;
      }
      default:
        return undefined;
    }
  }

  private merge(message: ChatMessage): void {
    this.history.timeline.merge(message);
    this.views.merge(message);
  }

  private reset({ snapshot, newEpoch }: Extract<Step, { kind: "reset" }>): void {
    const page = snapshot.messages.map(toMessage);
    if (snapshot.reason > SnapshotReason.HISTORY) {
      const reason = farBehind.includes(snapshot.reason) ? "far-behind" : "restored";
      this.lastReset = { reason };
    }
    this.facts.reset(snapshot.room);
    const rev = this.attachment.position?.rev ?? 0;
    this.history.timeline.reset(page, { seq: this.facts.info.headSeq, rev }, newEpoch);
    if (newEpoch) {
      this.readMarker.reset();
      this.publisher.outbox.epochChanged();
    }
    this.settle(page);
    this.views.reset();
    this.members.reset();
    if (newEpoch) {
      this.publisher.flush();
    }
  }

  private settle(page: readonly ChatMessage[]): void {
    for (const message of page) {
      this.publisher.outbox.seen(message, this.session.userId);
    }
  }

  private signaled({ user, signal }: Signaled): void {
    if (signal.case === "typing" && user?.id !== this.session.userId) {
      this.typists.heard(toUser(user), signal.value);
    }
  }

  private sendTyping(typing: boolean): void {
    this.session.signal({ case: "signal", value: { room: this.id, signal: { case: "typing", value: typing } } });
  }

  private sendMark(seq: number): boolean {
    return this.session.request({ case: "markRead", value: { room: this.id, seq: BigInt(seq) } }, (result) => {
      const now = result.case === "markRead" ? Number(result.value.read?.seq ?? 0n) : undefined;
      if (now !== undefined) {
        this.session.marked(this.id, now);
      }
      if (this.readMarker.answered(seq, now)) {
        this.changed();
      }
    });
  }

  private get headSeq(): number {
    return Math.max(this.facts.info.headSeq, this.history.timeline.lastSeq);
  }

  private build(): RoomSnapshot {
    const { error, missing, status } = this.attachment;
    const { info: known, me } = this.facts;
    const { headRev: _, firstSeq, ...info } = known;
    const { headSeq } = this;
    const { seq: readSeq } = this.readMarker;
    return {
      ...info,
      id: this.id,
      ...(me && { me }),
      status,
      ...(error && { error }),
      ...(this.lastReset && { reset: this.lastReset }),
      missing,
      messages: this.history.timeline.messages,
      pending: this.publisher.outbox.pending,
      online: this.presence.online,
      onlineCount: this.presence.count,
      typing: this.typists.users,
      hasOlder: this.history.hasOlder,
      loadingOlder: this.history.loading,
      headSeq,
      readSeq,
      unread: unreadCount(headSeq, readSeq, firstSeq),
    };
  }
}
