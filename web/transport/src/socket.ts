/** What the transport uses of a WebSocket; that of browsers and of Node 22, and the class of the `ws` package, fit. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  /** The subprotocol that the server chose. */
  readonly protocol?: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  removeEventListener(type: "open" | "error", listener: () => void): void;
  removeEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  removeEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** The subprotocol of multiplexed mode. */
export const subprotocol = "rialto.v1";

/** Returns the address of the bridge: the scheme made ws or wss, the base path appended. Relative to the page, if there is one. */
export function bridgeUrl(baseUrl: string, path: string): string {
  const page = typeof location === "undefined" ? undefined : location.href;
  const url = new URL(baseUrl, page);
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.pathname = url.pathname.replace(/\/$/, "") + path;
  url.search = "";
  url.hash = "";
  return url.href;
}
