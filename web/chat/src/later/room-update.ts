import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { UpdateRoomRequestSchema } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { RetentionSchema } from "@rialto/gen/rialto/chat/v1/types_pb";
import { fromKind, fromRole } from "../convert.js";
import type { Retention, RoomSettings } from "../member-types.js";

/** Returns the request that changes what is set and nothing else. */
export function updateOf(room: string, settings: RoomSettings): MessageInitShape<typeof UpdateRoomRequestSchema> {
  const { title, topic, slowModeMs, kind, posting, archived, joinRequests, retention } = settings;
  return {
    room,
    ...(title !== undefined && { title }),
    ...(topic !== undefined && { topic }),
    ...(slowModeMs !== undefined && { slowMode: durationFromMs(slowModeMs) }),
    ...(kind !== undefined && { kind: fromKind(kind) }),
    ...(posting !== undefined && { posting: fromRole(posting) }),
    ...(archived !== undefined && { archived }),
    ...(joinRequests !== undefined && { joinRequests }),
    ...(retention === null && { clearRetention: true }),
    ...(retention && { retention: fromRetention(retention) }),
  };
}

function fromRetention({ maxAgeMs, maxMessages }: Retention): MessageInitShape<typeof RetentionSchema> {
  return {
    ...(maxAgeMs !== undefined && { maxAge: durationFromMs(maxAgeMs) }),
    ...(maxMessages !== undefined && { maxMessages: BigInt(maxMessages) }),
  };
}
