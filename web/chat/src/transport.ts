import type { WebSocketTransport, WebSocketTransportOptions } from "@rialto/transport";

/** What the SDK uses of a transport: that of @rialto/transport, or another that acts like it. */
export type ChatTransport = Pick<WebSocketTransport, "unary" | "stream" | "state" | "subscribe" | "connect" | "close">;

/** What the SDK makes its transport with. */
export type ChatTransportOptions = WebSocketTransportOptions;

/**
 * How long a connection may be silent before it is probed, in ms; the answer may take as long. Together this is how long a cut
 * network can hide: less than what people take for a hang.
 */
export const pingIntervalMs = 15_000;

/** The transport while it is needed: made when it is first asked for, and again after `close`. */
export class TransportHolder {
  private readonly make: () => ChatTransport;
  private current: ChatTransport | undefined;

  constructor(make: () => ChatTransport) {
    this.make = make;
  }

  /** Returns the transport. Throws what making one throws: TypeError for an address that is none. */
  get(): ChatTransport {
    this.current ??= this.make();
    return this.current;
  }

  /** Ends the connection and its calls, for good. */
  close(): void {
    this.current?.close();
    this.current = undefined;
  }
}
