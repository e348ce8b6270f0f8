import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import {
  type Auth,
  AuthSchema,
  type End,
  EndSchema,
  type GoAway,
  GoAwaySchema,
  type Headers,
  HeadersSchema,
  type Metadatum,
  MetadatumSchema,
  type Open,
  OpenSchema,
  type Reset,
  ResetSchema,
  type Settings,
  SettingsSchema,
} from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { decodeIncrement, decodeInline, Flag, type Frame, FrameType } from "./frame.js";

/**
 * What the option `onFrame` hears: one frame that was given to the socket, or came from it and is not yet acted upon. It is
 * called within the transport: it should only take notes, and what it throws is thrown to the page, not to the call.
 */
export interface WireFrame extends Frame {
  readonly direction: "sent" | "received";
  /** When, by `performance.now`. */
  readonly timeMs: number;
  /** Which socket of this transport: 1, 2, 3, … */
  readonly connection: number;
  /** The type as docs/protocol.md spells it, such as "DATA". */
  readonly name: string;
  /** The full method of the call that the frame belongs to, "/package.Service/Method"; undefined for the connection's. */
  readonly method: string | undefined;
  /** What may still be sent (`send`) and may still come (`receive`), at this moment. */
  readonly windows: WireWindows;
  /** How many bytes wait in the socket, this frame included. */
  readonly bufferedBytes: number;
}

/** Credit in bytes; of the stream only in frames of an open call. */
export interface WireWindows {
  readonly connection: { readonly send: number; readonly receive: number };
  readonly stream?: { readonly send: number; readonly receive: number };
}

export type FrameListener = (frame: WireFrame) => void;

/** What is in a frame. */
export interface FrameContent {
  /** The control payload; of types that have one. Credentials in it are replaced by "•••". */
  readonly control?: Settings | Open | Headers | End | Reset | GoAway | Auth;
  /** WINDOW: how many bytes are granted. */
  readonly increment?: number;
  /** DATA, and OPEN with a message in it: the message or a chunk of it, compressed if the frame's flag says so. */
  readonly data?: Uint8Array;
}

/** Metadata that nobody should see in a tool. */
const secretKeys: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie"]);

/** Takes a frame apart for people to look at. Throws for a payload that cannot be decoded. */
export function readFrame({ type, flags, payload }: Frame): FrameContent {
  switch (type) {
    case FrameType.Settings:
      return { control: concealed(fromBinary(SettingsSchema, payload)) };
    case FrameType.Open:
      return readOpen(flags, payload);
    case FrameType.Headers:
      return { control: concealed(fromBinary(HeadersSchema, payload)) };
    case FrameType.Data:
      return { data: payload };
    case FrameType.End:
      return { control: fromBinary(EndSchema, payload) };
    case FrameType.Reset:
      return { control: fromBinary(ResetSchema, payload) };
    case FrameType.GoAway:
      return { control: fromBinary(GoAwaySchema, payload) };
    case FrameType.Auth:
      return { control: concealed(fromBinary(AuthSchema, payload)) };
    case FrameType.Window:
      return { increment: decodeIncrement(payload) };
    default:
      return {};
  }
}

function readOpen(flags: number, payload: Uint8Array): FrameContent {
  if ((flags & Flag.Inline) === 0) {
    return { control: concealed(fromBinary(OpenSchema, payload)) };
  }
  const { open, message } = decodeInline(payload);
  return { control: concealed(fromBinary(OpenSchema, open)), data: message };
}

function concealed<M extends MessageShape<DescMessage> & { metadata: Metadatum[] }>(control: M): M {
  const metadata = control.metadata.map((entry) =>
    secretKeys.has(entry.key)
      ? create(MetadatumSchema, { key: entry.key, value: { case: "text", value: "•••" } })
      : entry,
  );
  return { ...control, metadata };
}
