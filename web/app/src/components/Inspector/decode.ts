import { type DescMethod, fromBinary, type Message, toJson } from "@bufbuild/protobuf";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { Flag, readFrame, type WireFrame } from "@rialto/transport/wire";

const methods = new Map<string, DescMethod>(
  [ChatService, MemberService, MessageService, RoomService].flatMap((service) =>
    service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
  ),
);

/** The longest text of a frame that is shown, in characters. */
const most = 20_000;

/** Says in words what is in a frame: control payloads and the chat's messages as JSON, anything else by its size. */
export function describeFrame(frame: WireFrame): string {
  try {
    const { control, increment, data } = readFrame(frame);
    const parts = [
      control === undefined ? undefined : plainJson(control),
      increment === undefined ? undefined : `grants ${increment.toLocaleString()} bytes`,
      data === undefined ? undefined : describeData(frame, data),
    ];
    return (
      parts
        .filter((part) => part !== undefined)
        .join("\n\n")
        .slice(0, most) || "no payload"
    );
  } catch (error) {
    return `This payload cannot be decoded: ${error instanceof Error ? error.message : error}`;
  }
}

function describeData(frame: WireFrame, data: Uint8Array): string {
  const method = methods.get(frame.method ?? "");
  if ((frame.flags & Flag.Compressed) !== 0) {
    return `${data.length.toLocaleString()} bytes, compressed`;
  }
  if (method === undefined || (frame.flags & Flag.More) !== 0) {
    return `${data.length.toLocaleString()} bytes of a message`;
  }
  const schema = frame.direction === "sent" ? method.input : method.output;
  return `${schema.typeName}\n${JSON.stringify(toJson(schema, fromBinary(schema, data)), null, 2)}`;
}

/** Control payloads hold numbers of 64 bits and bytes, which JSON has no word for. */
function plainJson(control: Message): string {
  return JSON.stringify(
    control,
    (key, value: unknown) => {
      if (key.startsWith("$")) {
        return undefined;
      }
      return typeof value === "bigint"
        ? value.toString()
        : value instanceof Uint8Array
          ? `${value.length} bytes`
          : value;
    },
    2,
  );
}
