import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ChatService, type JoinSchema } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { Event, EventSchema } from "@rialto/gen/rialto/chat/v1/event_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { RoomKind } from "@rialto/gen/rialto/chat/v1/types_pb";
import type { Position } from "../cursor.js";
import { asAnswer, type HttpCalls } from "./calls.js";
import { isShutOut, shutOutEvent } from "./shut-out.js";

type Start = Exclude<MessageInitShape<typeof JoinSchema>["start"], undefined>;

/** How long rooms that are joined one after the other are waited for, in ms: all of them are one call. */
const gatherMs = 20;

export interface RoomsEvents {
  came(events: readonly (Event | MessageInitShape<typeof EventSchema>)[]): void;
  /** The session cannot go on. */
  failed(error: ConnectError): void;
}

/** The rooms of a session, by one Subscribe for all. It begins anew, where each room is, when they are others. */
export class HttpRooms {
  private readonly calls: HttpCalls;
  private readonly events: RoomsEvents;
  private readonly starts = new Map<string, Start>();
  /** Which of the rooms are private, as what came last says. */
  private readonly privates = new Set<string>();
  private stream = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(calls: HttpCalls, events: RoomsEvents) {
    this.calls = calls;
    this.events = events;
  }

  /** Follows a room that this user may see. */
  add(room: string, start: Start, kind: RoomKind): void {
    this.starts.set(room, start);
    this.learn(room, kind);
    this.restart();
  }

  remove(room: string): void {
    if (this.starts.delete(room)) {
      this.restart();
    }
  }

  end(): void {
    clearTimeout(this.timer);
    this.stream.abort();
    this.starts.clear();
  }

  private restart(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.stream.abort();
      this.stream = new AbortController();
      if (this.starts.size > 0) {
        void this.follow(this.stream.signal);
      }
    }, gatherMs);
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const rooms = [...this.starts].map(([room, start]) => ({ room, start }));
    let error = new ConnectError("the stream ended", Code.Unavailable);
    try {
      for await (const { events } of this.calls.stream(ChatService.method.subscribe, { rooms }, signal)) {
        if (signal.aborted) {
          return;
        }
        this.take(events);
      }
    } catch (reason) {
      error = ConnectError.from(reason);
    }
    if (!signal.aborted) {
      await this.ended(error, signal);
    }
  }

  private take(events: readonly Event[]): void {
    for (const event of events) {
      const { room, rev, kind } = event;
      const start = this.starts.get(room);
      if (kind.case === "shutOut") {
        this.starts.delete(room);
      } else if (kind.case === "snapshot" && !kind.value.more) {
        this.moved(room, { epoch: kind.value.epoch, rev: Number(rev) });
      } else if (rev > 0n && start?.case === "resume") {
        this.moved(room, { epoch: start.value.epoch ?? "", rev: Number(rev) });
      }
      if (kind.case === "roomChanged") {
        this.learn(room, kind.value.kind);
      }
    }
    this.events.came(events);
  }

  private learn(room: string, kind: RoomKind): void {
    if (kind === RoomKind.PRIVATE) {
      this.privates.add(room);
    } else {
      this.privates.delete(room);
    }
  }

  private moved(room: string, { epoch, rev }: Position): void {
    if (this.starts.has(room)) {
      this.starts.set(room, { case: "resume", value: { epoch, rev: BigInt(rev) } });
    }
  }

  /** The call does not say for which room it was refused. */
  private async ended(error: ConnectError, signal: AbortSignal): Promise<void> {
    try {
      const gone = isShutOut(error) ? await this.findClosed() : [];
      // Meanwhile the rooms may be others: then the call for them finds out.
      if (signal.aborted) {
        return;
      }
      if (gone.length === 0) {
        throw isShutOut(error) ? asAnswer("a room was refused that is open now", Code.Unavailable) : error;
      }
      const followed = gone.filter(([room]) => this.starts.delete(room));
      this.events.came(followed.map(([room, refusal]) => shutOutEvent(room, refusal, this.privates.has(room))));
      this.restart();
    } catch (reason) {
      if (!signal.aborted) {
        this.events.failed(ConnectError.from(reason));
      }
    }
  }

  /** Resolves with the rooms that this user may not see any more, and why. Rejects if that cannot be told of one of them. */
  private async findClosed(): Promise<(readonly [string, ConnectError])[]> {
    const asked = [...this.starts.keys()].map(async (room) => [room, await this.refusalOf(room)] as const);
    const answers = await Promise.all(asked);
    return answers.flatMap(([room, refusal]) => (refusal ? [[room, refusal] as const] : []));
  }

  private async refusalOf(room: string): Promise<ConnectError | undefined> {
    try {
      await this.calls.unary(RoomService.method.getRoom, { room });
      return undefined;
    } catch (reason) {
      const error = ConnectError.from(reason);
      if (!isShutOut(error)) {
        throw error;
      }
      return error;
    }
  }
}
