import { ChatError, statusCode } from "./error.js";
import { statusFromEnd } from "./status.js";
import type { WebSocketConstructor, WebSocketLike } from "./types.js";

/** The subprotocol of the bridge's plain mode with control frames. */
const subprotocol = "rialto.plain.v1";

/** How a token travels where no header can be set; see docs/protocol.md. */
const bearerPrefix = "rialto.bearer.";

/** How a call ended. */
export interface StreamEnd {
  /** Undefined: OK. */
  readonly error: ChatError | undefined;
  /** Who says so: the server, or this side of a connection that broke. */
  readonly from: "server" | "connection";
  /** The WebSocket close code, if that is what ended it and not an `@end`. */
  readonly closeCode?: number;
  /** False if the connection was never made. */
  readonly opened: boolean;
}

export interface PlainStreamOptions {
  readonly WebSocket: WebSocketConstructor;
  /** Of the gRPC method, without a query. */
  readonly url: string;
  /** Presented with the handshake. */
  readonly token?: string | undefined;
  onOpen(): void;
  /** One message of the call, encoded. */
  onMessage(message: Uint8Array): void;
  /** The end, once, and nothing after it; not called after `close`. */
  onEnd(end: StreamEnd): void;
}

// The `ws` package throws an "error" event that nobody listens to, also after `close`; so this one stays.
const ignore = () => undefined;

/**
 * One gRPC call over one WebSocket in the bridge's plain mode with protobuf messages: binary frames are messages, text
 * frames are control, the end is an `@end` frame or a close code. docs/protocol.md is the specification.
 */
export class PlainStream {
  private readonly options: PlainStreamOptions;
  private readonly socket: WebSocketLike;
  private opened = false;
  private ended = false;

  /** Starts to connect. Throws what the WebSocket constructor throws: a bad address, or one that the page may not use. */
  constructor(options: PlainStreamOptions) {
    this.options = options;
    const protocols = [subprotocol];
    if (options.token) {
      protocols.push(bearerPrefix + base64Url(options.token));
    }
    this.socket = new options.WebSocket(`${options.url}?encoding=proto`, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", this.handleOpen);
    this.socket.addEventListener("message", this.handleMessage);
    this.socket.addEventListener("close", this.handleClose);
    this.socket.addEventListener("error", ignore);
  }

  /** True while messages can be sent. */
  get open(): boolean {
    return this.opened && !this.ended;
  }

  /** Bytes accepted by `send` and not yet given to the network. */
  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  /** Sends one message. Only while open. */
  send(message: Uint8Array<ArrayBuffer>): void {
    this.socket.send(message);
  }

  /** Ends the call from this side: for the server a cancel. No callback is called any more. */
  close(): void {
    if (this.ended) {
      return;
    }
    this.ended = true;
    this.socket.removeEventListener("open", this.handleOpen);
    this.socket.removeEventListener("message", this.handleMessage);
    this.socket.removeEventListener("close", this.handleClose);
    this.socket.close(1000);
  }

  private readonly handleOpen = () => {
    this.opened = true;
    this.options.onOpen();
  };

  private readonly handleMessage = ({ data }: { readonly data: unknown }) => {
    if (data instanceof ArrayBuffer) {
      this.options.onMessage(new Uint8Array(data));
    } else if (typeof data === "string") {
      const error = statusFromEnd(data);
      if (error !== "not-an-end") {
        this.end({ error, from: "server", opened: true });
      }
    }
  };

  private readonly handleClose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
    const grpc = code - 4000;
    if (code === 1000) {
      this.end({ error: undefined, from: "server", closeCode: code, opened: this.opened });
    } else if (grpc > 0 && grpc < 400) {
      this.end({
        error: new ChatError(statusCode(grpc), reason),
        from: "server",
        closeCode: code,
        opened: this.opened,
      });
    } else {
      const text = this.opened ? "The connection was lost." : "The server cannot be reached.";
      const error = new ChatError("UNAVAILABLE", text);
      this.end({ error, from: "connection", closeCode: code, opened: this.opened });
    }
  };

  private end(end: StreamEnd): void {
    this.close();
    this.options.onEnd(end);
  }
}

/** Encodes text as unpadded base64url (RFC 4648, section 5), whose characters a subprotocol may hold. */
function base64Url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
