// Short hands for the server's messages.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack, durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, RetryInfoSchema } from "@rialto/gen/google/rpc/error_details_pb";
import { type Status, StatusSchema } from "@rialto/gen/google/rpc/status_pb";
import { type ConnectRequest, ConnectResponseSchema, type ReplySchema } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { type EventSchema, SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import type { MemberSchema, Message, MessageSchema, RoomSchema } from "@rialto/gen/rialto/chat/v1/types_pb";
import { type FakeCall, settle } from "./fake-transport.js";

export type EventInit = MessageInitShape<typeof EventSchema>;
export type ReplyInit = MessageInitShape<typeof ReplySchema>;
export type MessageInit = Exclude<MessageInitShape<typeof MessageSchema>, Message>;
type RoomInit = MessageInitShape<typeof RoomSchema>;

export const ana = { id: "guest-ana", displayName: "Ana", guest: true };
export const bo = { id: "guest-bo", displayName: "Bo", guest: true };
export const cy = { id: "guest-cy", displayName: "Cy", guest: true };

export const epoch = "epoch-1";

/** gRPC status codes that the tests use. */
export const code = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Sends one ConnectResponse, and lets the client take it. */
export async function respond(
  call: FakeCall,
  response: { events?: EventInit[]; replies?: ReplyInit[] },
): Promise<void> {
  call.respond(
    fromBinary(ConnectResponseSchema, toBinary(ConnectResponseSchema, create(ConnectResponseSchema, response))),
  );
  await settle();
}

/** Takes what the client sent since the last time. */
export async function takeRequests(call: FakeCall): Promise<ConnectRequest[]> {
  await settle();
  return call.sent.splice(0);
}

export function welcome(user = ana, guestToken = ""): EventInit {
  return { kind: { case: "welcome", value: { user, guestToken } } };
}

/** A message in the room "lobby" with sensible defaults. */
export function message(seq: number, init: MessageInit = {}): MessageInit {
  return {
    room: "lobby",
    seq: BigInt(seq),
    rev: BigInt(seq),
    sender: bo,
    createTime: timestampFromMs(1_700_000_000_000 + seq),
    body: { case: "text", value: `message ${seq}` },
    ...init,
  };
}

export type MessageEventKind = "posted" | "edited" | "deleted" | "reacted";

/** An event about a message, at that message's rev. */
export function about(kind: MessageEventKind, value: MessageInit, rev = value.rev ?? 0n): EventInit {
  return { room: value.room ?? "lobby", rev, kind: { case: kind, value } };
}

export function posted(seq: number, init: MessageInit = {}): EventInit {
  return about("posted", message(seq, init));
}

/** A whole snapshot of the lobby that ends at the rev of its last message. */
export function snapshot(
  messages: MessageInit[],
  {
    headRev,
    ...more
  }: {
    headRev?: number;
    epoch?: string;
    reason?: SnapshotReason;
    more?: boolean;
    continued?: boolean;
    room?: RoomInit;
  } = {},
): EventInit {
  const last = messages.at(-1);
  const rev = BigInt(headRev ?? Number(last?.rev ?? 0n));
  const room = { id: "lobby", firstSeq: 1n, headSeq: last?.seq ?? 0n, headRev: rev, ...more.room };
  return {
    room: "lobby",
    rev: more.more ? 0n : rev,
    kind: {
      case: "snapshot",
      value: { reason: SnapshotReason.HISTORY, epoch, ...more, room, messages },
    },
  };
}

/** The answer to a join of the lobby, whose head is at this rev. */
export function joinResult(
  request: ConnectRequest | undefined,
  headRev: number,
  {
    resumed = false,
    readSeq = 0,
    headSeq = headRev,
    inEpoch = epoch,
    member,
  }: {
    resumed?: boolean;
    readSeq?: number;
    headSeq?: number;
    inEpoch?: string;
    member?: MessageInitShape<typeof MemberSchema>;
  } = {},
): ReplyInit {
  const room = { id: "lobby", firstSeq: 1n, headSeq: BigInt(headSeq), headRev: BigInt(headRev) };
  const read = { room: "lobby", seq: BigInt(readSeq) };
  return {
    requestId: request?.requestId ?? "",
    result: { case: "join", value: { epoch: inEpoch, room, resumed, read, ...(member && { member }) } },
  };
}

export function publishResult(request: ConnectRequest | undefined, seq: number, duplicate = false): ReplyInit {
  const value = { room: "lobby", seq: BigInt(seq), rev: BigInt(seq), duplicate };
  return { requestId: request?.requestId ?? "", result: { case: "publish", value } };
}

export function errorReply(request: ConnectRequest | undefined, status: Status): ReplyInit {
  return { requestId: request?.requestId ?? "", result: { case: "error", value: status } };
}

export function status(
  grpcCode: number,
  text: string,
  details: { retryAfterMs?: number; field?: string } = {},
): Status {
  return create(StatusSchema, {
    code: grpcCode,
    message: text,
    details: [
      ...(details.retryAfterMs === undefined
        ? []
        : [anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(details.retryAfterMs) }))]),
      ...(details.field === undefined
        ? []
        : [
            anyPack(
              BadRequestSchema,
              create(BadRequestSchema, { fieldViolations: [{ field: details.field, description: text }] }),
            ),
          ]),
    ],
  });
}
