import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { type EventSchema, ShutOutReason } from "@rialto/gen/rialto/chat/v1/event_pb";

/** Whether the server says that this user may not see a room; nothing else that a call fails with says so. */
export function isShutOut({ code, isWireError }: ConnectError): boolean {
  return isWireError && (code === Code.NotFound || code === Code.PermissionDenied);
}

/**
 * Returns the event of being shut out of a room, as this refusal tells it. Where a private room is NOT_FOUND the user may as well have
 * been removed; any other room that was seen and is NOT_FOUND was deleted.
 */
export function shutOutEvent(
  room: string,
  { code }: ConnectError,
  isPrivate: boolean,
): MessageInitShape<typeof EventSchema> {
  const isDeleted = code === Code.NotFound && !isPrivate;
  const reason = isDeleted ? ShutOutReason.ROOM_DELETED : ShutOutReason.UNSPECIFIED;
  return { room, kind: { case: "shutOut", value: { reason } } };
}
