import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ChatService,
  type MarkReadSchema,
  type PublishSchema,
  type ReplySchema,
  type SignalSchema,
} from "@rialto/gen/rialto/chat/v1/chat_pb";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import type { HttpCalls } from "./calls.js";

// The commands of Connect that are one unary call each. They reject with ConnectError.

/** What a command is answered with. */
export type Result = Exclude<MessageInitShape<typeof ReplySchema>["result"], undefined>;

export async function publish(calls: HttpCalls, value: MessageInitShape<typeof PublishSchema>): Promise<Result> {
  const { room = "", clientId = "", body, replyTo = 0n, mentions = [] } = value;
  const request = { room, clientId, replyTo, mentions, ...(body && { body }) };
  const { message, duplicate } = await calls.unary(MessageService.method.postMessage, request);
  const { seq = 0n, rev = 0n, createTime } = message ?? {};
  return { case: "publish", value: { room, seq, rev, duplicate, ...(createTime && { time: createTime }) } };
}

export async function signal(calls: HttpCalls, value: MessageInitShape<typeof SignalSchema>): Promise<Result> {
  await calls.unary(ChatService.method.sendSignal, { signal: value });
  return { case: "signal", value: {} };
}

export async function markRead(calls: HttpCalls, value: MessageInitShape<typeof MarkReadSchema>): Promise<Result> {
  const { room = "", seq = 0n } = value;
  const { read } = await calls.unary(MemberService.method.markRead, { room, seq });
  return { case: "markRead", value: read ? { read } : {} };
}
