import type { BinaryReadOptions, BinaryWriteOptions } from "@bufbuild/protobuf";
import type { Interceptor, Transport } from "@connectrpc/connect";
import type { WebSocketConstructor } from "./socket.js";
import type { ConnectionState, StateListener } from "./state.js";
import type { FrameListener } from "./wire-tap.js";

export interface WebSocketTransportOptions {
  /** Where the server is, such as "https://example.com"; "/" is the page's own server. */
  readonly baseUrl: string;
  /** The bridge's base path below `baseUrl`. Default: "/rialto". */
  readonly path?: string;
  /** Default: the global one. Node before 22 has none: pass that of the `ws` package. */
  readonly WebSocket?: WebSocketConstructor;
  /** Around every call; the first one is the outermost. */
  readonly interceptors?: Interceptor[];
  /** The timeout of calls that give none. Default: none. A call's timeout of 0 or less means none. */
  readonly defaultTimeoutMs?: number;
  /**
   * What every call presents beside its own headers, such as `authorization`; a header of the call goes before. It is asked
   * anew for each connection and by `authenticate`, and travels once for each, never in a URL.
   */
  readonly connectionHeaders?: () => HeadersInit | Promise<HeadersInit>;
  /**
   * True: calls wait, as long as their timeout and signal allow, until the server can be reached. False, the default: they fail
   * with UNAVAILABLE when a try to connect fails, and at once until the next one.
   */
  readonly waitForReady?: boolean;

  /** The longest message to receive, uncompressed, in bytes. Default: 4 MiB. */
  readonly readMaxBytes?: number;
  /** The longest message to send, uncompressed, in bytes. Default: 2^32 - 1. */
  readonly writeMaxBytes?: number;
  /** "gzip" compresses messages in both directions, once the server has said that it can. Default: "identity". */
  readonly compression?: "identity" | "gzip";
  /** Shorter messages are sent uncompressed, in bytes. Default: 1,024. */
  readonly compressMinBytes?: number;
  /** For encoding and decoding messages. */
  readonly binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;

  /** What the server may send of one call before the application takes it, in bytes. Default and minimum: 65,536. */
  readonly streamWindowBytes?: number;
  /** What the server may send of all calls before the browser hands it over, in bytes. Default and minimum: 1,048,576. */
  readonly connectionWindowBytes?: number;
  /** How long a try to connect may take, in ms. Default: 10,000. */
  readonly connectTimeoutMs?: number;
  /** After so long without a frame the server is probed, and must answer in the same time, in ms. Default: 20,000. 0: never. */
  readonly pingIntervalMs?: number;
  /** See `onStalled`, in ms. Default: 30,000. 0: never. */
  readonly stalledAfterMs?: number;
  /**
   * Hears, once a call, that received messages wait unread for between one and two times `stalledAfterMs`. Most often the loop
   * that read them was left without aborting the call, which then runs on; see the README.
   */
  readonly onStalled?: (call: StalledCall) => void;
  /**
   * Hears of every frame in both directions, for tools that show the wire; `readFrame` of @rialto/transport/wire takes one apart. Payloads are not copies
   * and hold tokens and people's texts: keep them in the page. Costs nothing when it is not there.
   */
  readonly onFrame?: FrameListener;
}

/** A call whose messages nobody takes. */
export interface StalledCall {
  /** The full method, "/package.Service/Method". */
  readonly method: string;
  readonly unreadMs: number;
}

/** A Connect transport over one WebSocket. It connects when a call needs it. */
export interface WebSocketTransport extends Transport {
  /** The connection's state, now. The same object until something changes. */
  readonly state: ConnectionState;
  /** Calls the listener after every change of `state`. Returns the function that ends this. */
  subscribe(listener: StateListener): () => void;
  /**
   * Connects now, and from now on again whenever the connection is lost, until `close` or until the server says that another
   * try is useless. Resolves when connected; rejects when the first try fails, and goes on.
   */
  connect(): Promise<void>;
  /**
   * Presents `connectionHeaders` anew for later calls, such as a fresh token. Rejects with what the server has against it; a
   * token of another user is PERMISSION_DENIED. Without a connection: no effect.
   */
  authenticate(): Promise<void>;
  /** Ends the connection and, with CANCELLED, its calls, for good. Leaves no socket, no timer, no listener behind. */
  close(): void;
}
