/** The frame types of multiplexed mode; docs/protocol.md is the specification. Types from 128 on may be ignored. */
export const FrameType = {
  Settings: 0,
  Open: 1,
  Headers: 2,
  Data: 3,
  EndSend: 4,
  End: 5,
  Reset: 6,
  Window: 7,
  Ping: 8,
  Pong: 9,
  GoAway: 10,
  Auth: 11,
} as const;

/** Flags of a frame. */
export const Flag = {
  /** DATA: the message goes on in the stream's next DATA. */
  More: 1,
  /** On a message's first chunk: the message is compressed with the call's encoding. */
  Compressed: 2,
  /** The sender's last message, which ends with this frame. */
  EndSend: 4,
  /** OPEN: a whole message follows the Open message. */
  Inline: 8,
} as const;

export interface Frame {
  /** One of `FrameType`, or a type from 128 on that its receiver may ignore. */
  readonly type: number;
  /** A union of `Flag`. */
  readonly flags: number;
  /** The call that it belongs to; 0 is the connection. */
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** The close code of a connection whose peer broke the rules of docs/protocol.md. */
export const closeProtocolError = 4400;

/** The close code for a text message, which has no place in multiplexed mode. */
export const closeWrongFrameType = 4415;

/** A fault of the server that ends the connection and is no single call's. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** What to close the socket with. */
  readonly closeCode: number;

  constructor(message: string, closeCode = closeProtocolError) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** The bytes before a payload: type, flags, stream. */
export const headerBytes = 6;

/** The greatest stream id: what fits in the positive half of an int32, as in HTTP/2. */
export const maxStreamId = 0x7fff_ffff;

const noBytes = new Uint8Array(0);
const firstIgnorableType = 128;

interface Rule {
  readonly name: string;
  readonly flags: number;
  readonly stream: "zero" | "call" | "any";
  /** The payload's length, where only one is right. */
  readonly payloadBytes?: number;
}

const rules: { readonly [type: number]: Rule } = {
  [FrameType.Settings]: { name: "SETTINGS", flags: 0, stream: "zero" },
  [FrameType.Open]: { name: "OPEN", flags: Flag.Compressed | Flag.EndSend | Flag.Inline, stream: "call" },
  [FrameType.Headers]: { name: "HEADERS", flags: 0, stream: "call" },
  [FrameType.Data]: { name: "DATA", flags: Flag.More | Flag.Compressed | Flag.EndSend, stream: "call" },
  [FrameType.EndSend]: { name: "END_SEND", flags: 0, stream: "call", payloadBytes: 0 },
  [FrameType.End]: { name: "END", flags: 0, stream: "call" },
  [FrameType.Reset]: { name: "RESET", flags: 0, stream: "call" },
  [FrameType.Window]: { name: "WINDOW", flags: 0, stream: "any", payloadBytes: 4 },
  [FrameType.Ping]: { name: "PING", flags: 0, stream: "zero", payloadBytes: 8 },
  [FrameType.Pong]: { name: "PONG", flags: 0, stream: "zero", payloadBytes: 8 },
  [FrameType.GoAway]: { name: "GOAWAY", flags: 0, stream: "zero" },
  [FrameType.Auth]: { name: "AUTH", flags: 0, stream: "zero" },
};

/** Returns the name of a frame type as docs/protocol.md spells it. */
export function frameName(type: number): string {
  return rules[type]?.name ?? `type ${type}`;
}

/** Encodes a frame as one binary WebSocket message. */
export function encodeFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = noBytes,
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(headerBytes + payload.length);
  message[0] = type;
  message[1] = flags;
  viewOf(message).setUint32(2, stream);
  message.set(payload, headerBytes);
  return message;
}

/**
 * Decodes one binary WebSocket message; the payload is a part of it, not a copy. Throws `ProtocolError` for what no peer may
 * send in any state. A frame of an unknown type from 128 on passes.
 */
export function decodeFrame(message: Uint8Array): Frame {
  if (message.length < headerBytes) {
    throw new ProtocolError(`frame of ${message.length} bytes`);
  }
  const view = viewOf(message);
  const frame: Frame = {
    type: view.getUint8(0),
    flags: view.getUint8(1),
    stream: view.getUint32(2),
    payload: message.subarray(headerBytes),
  };
  if (frame.type < firstIgnorableType) {
    check(frame);
  }
  return frame;
}

function check({ type, flags, stream, payload }: Frame): void {
  const rule = rules[type];
  if (!rule) {
    throw new ProtocolError(`unknown frame ${frameName(type)}`);
  }
  const inlineOnly = type === FrameType.Open && flags & Flag.Compressed && !(flags & Flag.Inline);
  if (flags & ~rule.flags || (flags & Flag.More && flags & Flag.EndSend) || inlineOnly) {
    throw new ProtocolError(`${rule.name} with flags 0x${flags.toString(16)}`);
  }
  const isCall = stream % 2 === 1 && stream <= maxStreamId;
  if (stream === 0 ? rule.stream === "call" : rule.stream === "zero" || !isCall) {
    throw new ProtocolError(`${rule.name} on stream ${stream}`);
  }
  if (rule.payloadBytes !== undefined && payload.length !== rule.payloadBytes) {
    throw new ProtocolError(`${rule.name} with ${payload.length} bytes`);
  }
}

/** Encodes the payload of an OPEN with INLINE: the length of `open`, `open`, the message. */
export function encodeInline(open: Uint8Array, message: Uint8Array): Uint8Array {
  const payload = new Uint8Array(4 + open.length + message.length);
  viewOf(payload).setUint32(0, open.length);
  payload.set(open, 4);
  payload.set(message, 4 + open.length);
  return payload;
}

/** Undoes `encodeInline`. Throws `ProtocolError` for a length beyond the payload. */
export function decodeInline(payload: Uint8Array): { readonly open: Uint8Array; readonly message: Uint8Array } {
  const length = payload.length < 4 ? Number.POSITIVE_INFINITY : viewOf(payload).getUint32(0);
  if (length > payload.length - 4) {
    throw new ProtocolError("OPEN shorter than it says");
  }
  return { open: payload.subarray(4, 4 + length), message: payload.subarray(4 + length) };
}

/** Encodes the payload of WINDOW: so many bytes more may be sent. */
export function encodeIncrement(bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  viewOf(payload).setUint32(0, bytes);
  return payload;
}

/** Decodes the payload of a WINDOW that `decodeFrame` has passed. Throws `ProtocolError` for an increment out of range. */
export function decodeIncrement(payload: Uint8Array): number {
  const bytes = viewOf(payload).getUint32(0);
  if (bytes === 0 || bytes > 0x7fff_ffff) {
    throw new ProtocolError(`WINDOW of ${bytes}`);
  }
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
