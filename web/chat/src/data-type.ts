import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { ChatMessage, MessageOptions, Room } from "./types.js";

/** One protobuf message type as the body of messages. */
export interface DataType<Desc extends DescMessage> {
  /** What `DataBody.type` says: the full name of the message type. */
  readonly type: string;
  /** Posts a message of this type; see `Room.sendData`. */
  send(room: Room, message: MessageInitShape<Desc>, options?: MessageOptions): string;
  /** Returns what a message holds; undefined for another type, a tombstone, and bytes that cannot be decoded. */
  read(message: Pick<ChatMessage, "data">): MessageShape<Desc> | undefined;
}

/** Returns a protobuf message type as the body of messages between programs. */
export function dataType<Desc extends DescMessage>(schema: Desc): DataType<Desc> {
  const type = schema.typeName;
  return {
    type,
    send: (room, message, options) => room.sendData(type, toBinary(schema, create(schema, message)), options),
    read: ({ data }) => {
      if (data?.type !== type) {
        return undefined;
      }
      try {
        return fromBinary(schema, data.value);
      } catch {
        return undefined;
      }
    },
  };
}
