import type { WebSocketConstructor, WebSocketLike } from "@rialto/chat";

type Handler = (event: never) => void;

/** A WebSocket whose other end is the test. Nothing happens by itself. */
export class FakeSocket implements WebSocketLike {
  readonly url: string;
  readonly protocols: readonly string[];
  binaryType = "blob";
  bufferedAmount = 0;
  /** Frames the client sent that the test did not take yet. */
  readonly sent: (Uint8Array | string)[] = [];
  /** What the client closed it with. */
  closedWith: number | undefined;
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

  send(data: Uint8Array | string): void {
    if (this.closedWith !== undefined) {
      throw new Error("send on a closed socket");
    }
    this.sent.push(data);
  }

  close(code = 1005): void {
    this.closedWith ??= code;
  }

  /** How many listeners are left, apart from those for "error", which must stay (see plain-stream.ts). */
  get listenerCount(): number {
    let count = 0;
    for (const [type, set] of this.handlers) {
      count += type === "error" ? 0 : set.size;
    }
    return count;
  }

  /** The handshake is done. */
  open(): void {
    this.dispatch("open", {});
  }

  /** A frame from the server. */
  receive(data: Uint8Array | string): void {
    this.dispatch("message", { data: typeof data === "string" ? data : data.slice().buffer });
  }

  /** The close event. */
  end(code: number, reason = ""): void {
    this.dispatch("error", {});
    this.dispatch("close", { code, reason });
  }

  private dispatch(type: string, event: unknown): void {
    for (const handler of [...(this.handlers.get(type) ?? [])]) {
      handler(event as never);
    }
  }
}

/** Returns a WebSocket constructor and the sockets it made, in order. */
export function fakeSockets(): { readonly WebSocket: WebSocketConstructor; readonly sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  return {
    sockets,
    WebSocket: class extends FakeSocket {
      constructor(url: string, protocols: string[] = []) {
        super(url, protocols);
        sockets.push(this);
      }
    },
  };
}
