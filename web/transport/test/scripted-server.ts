import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import {
  AuthSchema,
  EndSchema,
  GoAwaySchema,
  HeadersSchema,
  type Open,
  OpenSchema,
  ResetSchema,
  SettingsSchema,
} from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { decodeFrame, encodeFrame, encodeIncrement, Flag, type Frame, FrameType, frameName } from "../src/frame.js";
import type { WebSocketConstructor, WebSocketLike } from "../src/socket.js";

type Handler = (event: never) => void;

/** An OPEN that came. */
export interface Opened {
  readonly id: number;
  readonly open: Open;
  /** The message inside, if there is one. */
  readonly message: Uint8Array | undefined;
  readonly flags: number;
}

/**
 * A WebSocket whose other end is the test, which plays the server frame by frame. Nothing happens by itself; frames of
 * the client wait in `received` until the test takes them.
 */
export class ScriptedServer implements WebSocketLike {
  readonly url: string;
  readonly protocols: readonly string[];
  protocol = "";
  binaryType = "blob";
  bufferedAmount = 0;
  /** What the client closed the socket with. */
  closedWith: number | undefined;
  readonly received: Frame[] = [];
  private readonly handlers = new Map<string, Set<Handler>>();

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  addEventListener(type: string, handler: Handler): void {
    const set = this.handlers.get(type) ?? new Set();
    this.handlers.set(type, set.add(handler));
  }

  removeEventListener(type: string, handler: Handler): void {
    this.handlers.get(type)?.delete(handler);
  }

  send(data: Uint8Array): void {
    if (this.closedWith !== undefined) {
      throw new Error("send on a closed socket");
    }
    this.received.push(decodeFrame(data.slice()));
  }

  close(code = 1005): void {
    this.closedWith ??= code;
  }

  /** How many listeners are left, apart from those for "error", which must stay (see session.ts). */
  get listenerCount(): number {
    let count = 0;
    for (const [type, set] of this.handlers) {
      count += type === "error" ? 0 : set.size;
    }
    return count;
  }

  /** The handshake is done. */
  accept(protocol = "rialto.v1"): void {
    this.protocol = protocol;
    this.dispatch("open", {});
  }

  /** The handshake is done, and the server's SETTINGS are there; the client's are taken. */
  acceptWithSettings(settings: MessageInitShape<typeof SettingsSchema> = {}): void {
    this.accept();
    this.take(FrameType.Settings);
    this.settings(settings);
  }

  settings(settings: MessageInitShape<typeof SettingsSchema> = {}): void {
    this.payload(FrameType.Settings, 0, SettingsSchema, settings);
  }

  headers(id: number, headers: MessageInitShape<typeof HeadersSchema> = {}): void {
    this.payload(FrameType.Headers, id, HeadersSchema, headers);
  }

  /** A chunk of raw bytes. */
  data(id: number, bytes: Uint8Array, flags = 0): void {
    this.frame(FrameType.Data, flags, id, bytes);
  }

  /** A whole google.protobuf.BytesValue. */
  message(id: number, value: Uint8Array): void {
    this.data(id, bytesValue(value));
  }

  end(id: number, end: MessageInitShape<typeof EndSchema> = {}): void {
    this.payload(FrameType.End, id, EndSchema, end);
  }

  reset(id: number, reset: MessageInitShape<typeof ResetSchema>): void {
    this.payload(FrameType.Reset, id, ResetSchema, reset);
  }

  window(id: number, bytes: number): void {
    this.frame(FrameType.Window, 0, id, encodeIncrement(bytes));
  }

  goAway(goAway: MessageInitShape<typeof GoAwaySchema>): void {
    this.payload(FrameType.GoAway, 0, GoAwaySchema, goAway);
  }

  auth(auth: MessageInitShape<typeof AuthSchema>): void {
    this.payload(FrameType.Auth, 0, AuthSchema, auth);
  }

  frame(type: number, flags: number, stream: number, payload?: Uint8Array): void {
    this.raw(encodeFrame(type, flags, stream, payload).buffer);
  }

  /** Any WebSocket message. */
  raw(data: ArrayBuffer | string): void {
    this.dispatch("message", { data });
  }

  /** The socket's close event. */
  drop(code: number, reason = ""): void {
    this.dispatch("error", {});
    this.dispatch("close", { code, reason });
  }

  /** Takes the client's next frame, which must be of this type. */
  take(type: number): Frame {
    const frame = this.received.shift();
    if (frame?.type !== type) {
      throw new Error(`got ${frame ? frameName(frame.type) : "no frame"}, not ${frameName(type)}`);
    }
    return frame;
  }

  takePayload<Desc extends DescMessage>(type: number, schema: Desc): MessageShape<Desc> {
    return fromBinary(schema, this.take(type).payload);
  }

  takeOpen(): Opened {
    const { stream: id, flags, payload } = this.take(FrameType.Open);
    if ((flags & Flag.Inline) === 0) {
      return { id, flags, open: fromBinary(OpenSchema, payload), message: undefined };
    }
    const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    const open = fromBinary(OpenSchema, payload.subarray(4, 4 + length));
    return { id, flags, open, message: payload.subarray(4 + length) };
  }

  private payload<Desc extends DescMessage>(
    type: number,
    id: number,
    schema: Desc,
    init: MessageInitShape<Desc>,
  ): void {
    this.frame(type, 0, id, toBinary(schema, create(schema, init)));
  }

  private dispatch(type: string, event: unknown): void {
    for (const handler of [...(this.handlers.get(type) ?? [])]) {
      handler(event as never);
    }
  }
}

/** Encodes a google.protobuf.BytesValue. */
export function bytesValue(value: Uint8Array): Uint8Array {
  return toBinary(BytesValueSchema, create(BytesValueSchema, { value: new Uint8Array(value) }));
}

/** Returns a WebSocket constructor and the sockets it made, in order. */
export function scriptedServers(): { readonly WebSocket: WebSocketConstructor; readonly servers: ScriptedServer[] } {
  const servers: ScriptedServer[] = [];
  return {
    servers,
    WebSocket: class extends ScriptedServer {
      constructor(url: string, protocols: string[] = []) {
        super(url, protocols);
        servers.push(this);
      }
    },
  };
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await Promise.resolve();
  }
}
