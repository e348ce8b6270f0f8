import type { DescMethodStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { UserService } from "@rialto/gen/rialto/chat/v1/user_pb";
import { methodName } from "./messages.js";

const services: readonly DescService[] = [ChatService, RoomService, MessageService, MemberService, UserService];

/** Returns the chat's method of this full name. */
export function findMethod(name: string): DescMethodUnary | DescMethodStreaming | undefined {
  const method = services.flatMap(({ methods }) => methods).find((candidate) => methodName(candidate) === name);
  // The two are all there are; the type of a service's methods does not say so.
  return method as DescMethodUnary | DescMethodStreaming | undefined;
}
