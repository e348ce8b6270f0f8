import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import {
  ChatService,
  type ConnectResponse,
  ConnectResponseSchema,
  type HelloSchema,
  type JoinSchema,
  type PublishSchema,
} from "@rialto/gen/rialto/chat/v1/chat_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { RoomKind, type User } from "@rialto/gen/rialto/chat/v1/types_pb";
import { passes } from "../outbox.js";
import type { Request } from "../request-queue.js";
import { errorFromCall } from "../status.js";
import { Inbox } from "../tabs/inbox.js";
import { asAnswer, HttpCalls } from "./calls.js";
import { markRead, publish, type Result, signal } from "./commands.js";
import { followAlone } from "./lone-room.js";
import { HttpRooms, type RoomsEvents } from "./rooms.js";
import { isShutOut, shutOutEvent } from "./shut-out.js";

/** How often the server is asked whether it is there, in ms: a stream that says nothing cannot tell. */
const probeMs = 30_000;

/**
 * One Connect call, made of other calls: commands become unary calls, events come by Subscribe, by one for what is about the user and
 * one for all rooms. It ends with UNAVAILABLE as soon as one of them finds no server.
 *
 * What it cannot do: be seen in presence, and show another name for somebody who has a token.
 */
export class HttpSession {
  private readonly ending = new AbortController();
  private readonly calls: HttpCalls;
  private readonly rooms: HttpRooms;
  private readonly responses = new Inbox<ConnectResponse>(() => undefined);
  /** The present join of each room; aborting it ends a room that is followed alone. */
  private readonly joins = new Map<string, AbortController>();
  /** Called with the rev of the snapshot that a room begins with; with 0 if none comes any more. */
  private readonly begins = new Map<string, (rev: bigint) => void>();
  private lastPublish: Promise<void> = Promise.resolve();
  /** How many messages were taken to be published. */
  private taken = 0;
  /** Up to which of them each room's are held up, behind one that is to be sent again. */
  private readonly heldUp = new Map<string, number>();
  /** Up to which rev each joined room's answer says what this user is. */
  private readonly answered = new Map<string, bigint>();

  constructor(http: Transport, header: Headers, caller: AbortSignal | undefined) {
    this.calls = new HttpCalls(http, header, this.ending.signal);
    this.rooms = new HttpRooms(this.calls, {
      came: (events) => this.came(events),
      failed: (error) => this.end(error),
    });
    const abort = () => this.end(ConnectError.from(caller?.reason, Code.Canceled));
    caller?.addEventListener("abort", abort, { signal: this.ending.signal });
    if (caller?.aborted) {
      abort();
    }
  }

  /** Takes the requests and returns the responses. To be called once. */
  async *run(requests: AsyncIterable<Request>): AsyncGenerator<ConnectResponse> {
    const probe = setInterval(() => void this.probe(), probeMs);
    void this.takeAll(requests);
    try {
      yield* this.responses;
    } finally {
      clearInterval(probe);
      this.end();
    }
  }

  private end(error?: ConnectError): void {
    this.responses.finish(error);
    this.rooms.end();
    for (const join of this.joins.values()) {
      join.abort();
    }
    this.ending.abort();
  }

  private async takeAll(requests: AsyncIterable<Request>): Promise<void> {
    for await (const { requestId = "", command } of requests) {
      const answer = (result: Promise<Result>) => this.answer(requestId, result);
      switch (command?.case) {
        case "hello":
          // Everything else needs the identity.
          await this.hello(command.value).then(
            (user) => answer(Promise.resolve({ case: "hello", value: { user } })),
            (reason: unknown) => this.end(ConnectError.from(reason)),
          );
          break;
        case "join":
          void answer(this.join(command.value));
          break;
        case "leave":
          void answer(this.leave(command.value.room ?? ""));
          break;
        case "publish": {
          const { value } = command;
          const number = ++this.taken;
          this.lastPublish = this.lastPublish.then(() => answer(this.publish(number, value)));
          break;
        }
        case "signal":
          void answer(signal(this.calls, command.value));
          break;
        case "markRead":
          void answer(markRead(this.calls, command.value));
          break;
        default:
          this.respond({});
      }
    }
  }

  /** Replies, if somebody wants to know. What no server said ends the session. */
  private async answer(requestId: string, outcome: Promise<Result>): Promise<void> {
    let result: Result;
    try {
      result = await outcome;
    } catch (reason) {
      const error = ConnectError.from(reason);
      if (!error.isWireError) {
        this.end(error);
        return;
      }
      result = { case: "error", value: toStatus(error) };
    }
    if (requestId !== "" || result.case === "error") {
      this.respond({ replies: [{ requestId, result }] });
    }
  }

  private respond(response: MessageInitShape<typeof ConnectResponseSchema>): void {
    this.responses.push(create(ConnectResponseSchema, response));
  }

  /** Settles who this is, and follows what is about them. Resolves once that has begun. */
  private async hello({ displayName = "" }: MessageInitShape<typeof HelloSchema>): Promise<User> {
    const { header } = this.calls;
    const isNew = !header.has("authorization");
    if (isNew) {
      const { user, guestToken, tokenExpires } = await this.calls.unary(ChatService.method.createGuest, {
        displayName,
      });
      header.set("authorization", `Bearer ${guestToken}`);
      const value = { guestToken, ...(user && { user }), ...(tokenExpires && { tokenExpires }) };
      this.respond({ events: [{ kind: { case: "welcome", value } }] });
    }
    return this.followSelf(isNew);
  }

  /** `isNew`: they were welcomed already. */
  private followSelf(isNew: boolean): Promise<User> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        for await (const { events } of this.calls.stream(
          ChatService.method.subscribe,
          { self: true },
          this.ending.signal,
        )) {
          const [first] = events;
          if (first?.kind.case === "welcome" && first.kind.value.user) {
            resolve(first.kind.value.user);
          }
          this.respond({ events: isNew ? events.filter(({ kind }) => kind.case !== "welcome") : events });
        }
        throw new ConnectError("the stream ended", Code.Unavailable);
      };
      run().catch((reason: unknown) => {
        reject(reason);
        this.end(ConnectError.from(reason));
      });
    });
  }

  /** Publishes, unless that would overtake a message of the room that is to be sent again: then this one is, too. */
  private async publish(number: number, value: MessageInitShape<typeof PublishSchema>): Promise<Result> {
    const { room = "" } = value;
    if (number <= (this.heldUp.get(room) ?? 0)) {
      throw asAnswer("a message before this one was refused for now", Code.Aborted);
    }
    try {
      return await publish(this.calls, value);
    } catch (reason) {
      if (passes(errorFromCall(reason))) {
        this.heldUp.set(room, this.taken);
      }
      throw reason;
    }
  }

  private async join({ room = "", start }: MessageInitShape<typeof JoinSchema>): Promise<Result> {
    this.joins.get(room)?.abort();
    const join = new AbortController();
    this.joins.set(room, join);
    this.rooms.remove(room);
    this.answered.delete(room);
    const found = await this.calls.unary(RoomService.method.getRoom, { room }).catch(unlessNotFound);
    if (join.signal.aborted) {
      throw superseded();
    }
    if (!found) {
      const { epoch, room: unmade } = await followAlone(this.calls, room, join.signal, {
        came: (events) => this.respond({ events: [...events] }),
        ended: (error) => join.signal.aborted || this.lostAlone(room, error),
      });
      return { case: "join", value: { epoch, ...(unmade && { room: unmade }) } };
    }
    const resumed = start?.case === "resume" && start.value.epoch === found.epoch;
    const kind = found.room?.kind ?? RoomKind.UNSPECIFIED;
    this.rooms.add(room, start?.case === undefined ? { case: "history", value: 0 } : start, kind);
    const minRev = resumed ? 0n : await this.begun(room, join.signal);
    const isOld = minRev > (found.room?.headRev ?? 0n);
    // A snapshot does not say what this user is: no event tells of what has changed between the two.
    const now = isOld ? await this.calls.unary(RoomService.method.getRoom, { room, minRev }) : found;
    if (join.signal.aborted) {
      throw superseded();
    }
    const { epoch, room: info, member, read } = now;
    this.answered.set(room, info?.headRev ?? 0n);
    const value = { epoch, resumed, ...(info && { room: info }), ...(member && { member }), ...(read && { read }) };
    return { case: "join", value };
  }

  /** Resolves with the rev of the snapshot that a room begins with; with 0 if the user is shut out, or the join void. */
  private begun(room: string, signal: AbortSignal): Promise<bigint> {
    return new Promise((resolve) => {
      this.begins.set(room, resolve);
      signal.addEventListener("abort", () => resolve(0n));
    });
  }

  private came(events: Parameters<RoomsEvents["came"]>[0]): void {
    this.respond({ events: [...events] });
    for (const { room = "", rev = 0n, kind } of events) {
      if (kind?.case === "shutOut" || (kind?.case === "snapshot" && !kind.value.more)) {
        this.begins.get(room)?.(rev);
        this.check(room, rev);
      }
    }
  }

  /** A snapshot of a room whose join was answered says less than the events in its place: the next session asks again. */
  private check(room: string, rev: bigint): void {
    if (rev > (this.answered.get(room) ?? rev)) {
      this.end(new ConnectError("too much was missed", Code.Unavailable));
    }
  }

  /** A room that was followed alone cannot be any more: because this user may not see it, or there is no server. */
  private lostAlone(room: string, error: ConnectError): void {
    this.joins.delete(room);
    if (isShutOut(error)) {
      this.respond({ events: [shutOutEvent(room, error, false)] });
    } else {
      this.end(error);
    }
  }

  private leave(room: string): Promise<Result> {
    this.joins.get(room)?.abort();
    this.joins.delete(room);
    this.answered.delete(room);
    this.rooms.remove(room);
    return Promise.resolve({ case: "leave", value: {} });
  }

  private async probe(): Promise<void> {
    await this.calls
      .unary(RoomService.method.listRooms, { pageSize: 1 })
      .catch((reason: unknown) => !ConnectError.from(reason).isWireError && this.end(ConnectError.from(reason)));
  }
}

function superseded(): ConnectError {
  return asAnswer("the room was left, or joined again", Code.Aborted);
}

/** Lets "not found" pass as undefined. */
function unlessNotFound(reason: unknown): undefined {
  if (ConnectError.from(reason).code !== Code.NotFound) {
    throw reason;
  }
}

function toStatus(error: ConnectError) {
  const details = error.details.flatMap((detail) =>
    "type" in detail ? [{ typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }] : [],
  );
  return { code: error.code, message: error.rawMessage, details };
}
