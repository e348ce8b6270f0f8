import type { ConnectRequest } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { FakeCall } from "./fake-transport.js";
import { below } from "./random.js";
import {
  about,
  code,
  type EventInit,
  errorReply,
  type MessageEventKind,
  type MessageInit,
  message,
  type ReplyInit,
  respond,
  snapshot,
  status,
  takeRequests,
  welcome,
} from "./wire.js";

const replayLimit = 12;
const pageSize = 8;

interface Session {
  readonly call: FakeCall;
  readonly requests: ConnectRequest[];
  readonly replies: ReplyInit[];
  /** Written and not delivered. */
  readonly events: EventInit[];
  user: { id: string; displayName: string; guest: boolean };
  /** The rev that the room's events were written up to; undefined while it is not joined. */
  cursor: number | undefined;
}

/**
 * A server with one room, in memory, that does one random legal thing at a time: reads a request, writes events, lets
 * replies and events overtake one another, cuts snapshots into parts. It can lose what it has not delivered, forget its
 * newest changes like one restored from a backup, and break the rules by leaving out an event.
 */
export class SimulatedServer {
  private readonly random: () => number;
  private readonly sessions = new Map<FakeCall, Session>();
  private changes: { kind: MessageEventKind; message: MessageInit }[] = [];
  private epochNumber = 1;
  private guests = 0;
  /** False: no more refusals, losses and broken rules. */
  faults = true;

  constructor(random: () => number) {
    this.random = random;
  }

  private get epoch(): string {
    return `epoch-${this.epochNumber}`;
  }

  /** The room as it is now, in wire form, by seq. */
  get messages(): MessageInit[] {
    const newest = new Map(this.changes.map((change) => [change.message.seq, change.message]));
    return [...newest.values()].sort((a, b) => Number(a.seq) - Number(b.seq));
  }

  /** A call begins. */
  accept(call: FakeCall): void {
    const user = { id: "", displayName: "", guest: true };
    this.sessions.set(call, { call, requests: [], replies: [], events: [], user, cursor: undefined });
  }

  /** Takes leave of a call whose connection is about to break; what was on the way in either direction may be lost. */
  async break(call: FakeCall): Promise<void> {
    const session = this.sessions.get(call);
    this.sessions.delete(call);
    if (session && this.random() < 0.5) {
      session.requests.push(...(await takeRequests(call)));
      this.readAll(session);
    }
  }

  /** Loses the newest changes and goes on under another epoch. The caller breaks all connections. */
  restore(): void {
    this.changes = this.changes.slice(0, this.changes.length - below(this.random, 4));
    this.epochNumber++;
  }

  /** Somebody changes a message that is there. */
  edit(): void {
    const target = this.messages[below(this.random, this.messages.length)];
    if (target) {
      this.append("edited", { ...target, body: { case: "text", value: `edited at ${this.changes.length + 1}` } });
    }
  }

  /** Does one thing for one connection; false if there is nothing to do. */
  async step(call: FakeCall): Promise<boolean> {
    const session = this.sessions.get(call);
    if (!session) {
      return false;
    }
    session.requests.push(...(await takeRequests(call)));
    this.write(session);
    const { requests, replies, events } = session;
    if (requests.length + replies.length + events.length === 0) {
      return false;
    }
    const choice = this.random();
    if (choice < 0.4) {
      this.read(session);
    } else if (choice < 0.7) {
      await respond(call, { events: events.splice(0, 1 + below(this.random, 5)) });
    } else if (events[0]?.kind?.case !== "welcome") {
      await respond(call, { replies: replies.splice(below(this.random, replies.length), 1) });
    }
    return true;
  }

  private readAll(session: Session): void {
    while (session.requests.length > 0) {
      this.read(session);
    }
  }

  private read(session: Session): void {
    const request = session.requests.shift();
    switch (request?.command.case) {
      case "hello": {
        const token = session.call.header.get("authorization")?.replace("Bearer ", "") ?? "";
        const id = token || `guest-${++this.guests}`;
        session.user = { id, displayName: request.command.value.displayName, guest: true };
        session.events.push(welcome(session.user, token === "" ? id : ""));
        break;
      }
      case "join":
        this.join(session, request);
        break;
      case "leave":
        session.cursor = undefined;
        break;
      case "publish":
        this.publish(session, request);
        break;
    }
  }

  private join(session: Session, request: ConnectRequest): void {
    if (request.command.case !== "join") {
      return;
    }
    const { start } = request.command.value;
    const head = this.changes.length;
    const position = start.case === "resume" ? start.value : undefined;
    const rev = Number(position?.rev ?? 0n);
    const resumed = position?.epoch === this.epoch && rev <= head && head - rev <= replayLimit;
    const room = { id: "lobby", firstSeq: 1n, headSeq: BigInt(this.messages.length), headRev: BigInt(head) };
    const value = { epoch: this.epoch, room, resumed };
    session.replies.push({ requestId: request.requestId, result: { case: "join", value } });
    session.cursor = resumed ? rev : head;
    if (!resumed) {
      this.writeSnapshot(session, head);
    }
  }

  private writeSnapshot(session: Session, head: number): void {
    const page = this.messages.slice(-pageSize);
    const room = { headSeq: BigInt(this.messages.length) };
    const cut = below(this.random, page.length);
    if (cut > 0) {
      session.events.push(snapshot(page.slice(0, cut), { epoch: this.epoch, more: true, room }));
    }
    const last = { epoch: this.epoch, headRev: head, continued: cut > 0, room };
    session.events.push(snapshot(page.slice(cut), last));
  }

  private publish(session: Session, request: ConnectRequest): void {
    if (request.command.case !== "publish") {
      return;
    }
    const { clientId, body } = request.command.value;
    const outcomeUnknown = this.faults && this.random() < 0.1;
    const stored = !outcomeUnknown || this.random() < 0.5;
    const known = this.changes.findIndex(
      (change) =>
        change.kind === "posted" &&
        change.message.clientId === clientId &&
        change.message.sender?.id === session.user.id,
    );
    if (stored && known < 0) {
      const seq = this.messages.length + 1;
      this.append("posted", message(seq, { sender: session.user, clientId, body }));
    }
    if (outcomeUnknown) {
      session.replies.push(errorReply(request, status(code.unavailable, "perhaps", { retryAfterMs: 100 })));
      return;
    }
    const rev = known < 0 ? this.changes.length : known + 1;
    const seq = this.changes[rev - 1]?.message.seq ?? 0n;
    const value = { room: "lobby", seq, rev: BigInt(rev), duplicate: known >= 0 };
    session.replies.push({ requestId: request.requestId, result: { case: "publish", value } });
  }

  private append(kind: MessageEventKind, changed: MessageInit): void {
    this.changes.push({ kind, message: { ...changed, rev: BigInt(this.changes.length + 1) } });
  }

  /** Writes what the cursor has not seen, in the form that messages have now. */
  private write(session: Session): void {
    if (session.cursor === undefined || session.cursor === this.changes.length) {
      return;
    }
    const now = new Map(this.messages.map((form) => [form.seq, form]));
    for (; session.cursor < this.changes.length; session.cursor++) {
      const change = this.changes[session.cursor];
      const left = this.faults && this.random() < 0.01;
      if (change && !left) {
        const form = now.get(change.message.seq) ?? change.message;
        session.events.push(about(change.kind, form, BigInt(session.cursor + 1)));
      }
    }
  }
}
