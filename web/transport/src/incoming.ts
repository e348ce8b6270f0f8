import { Code, ConnectError } from "@connectrpc/connect";
import { Flag, ProtocolError } from "./frame.js";
import { joinBytes, messageTooLarge } from "./gzip.js";
import { dataCost, type ReceiveWindow } from "./window.js";

/** One message as it came. */
export interface ReceivedMessage {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly flags: number;
}

interface Receiver {
  resolve(message: ReceivedMessage | undefined): void;
  reject(error: ConnectError): void;
}

/** gzip of what cannot be compressed is longer than the original, by less than this. */
const gzipOverheadBytes = (bytes: number): number => bytes / 256 + 64;

/**
 * The messages of one call that come in. Chunks wait here, against the stream's window, until the application takes a
 * message; then credit goes back, also for the chunks of a message that is not whole yet, so that a message longer than the
 * window gets through. One receive at a time.
 */
export class Incoming {
  private readonly window: ReceiveWindow;
  private readonly maxBytes: number;
  private waiting: Chunk[] = [];
  private assembly: Chunk[] = [];
  private assemblyBytes = 0;
  private receiver: Receiver | undefined;
  private end: { readonly error: ConnectError | undefined } | undefined;
  /** The last chunk that came said that its message goes on. */
  private more = false;
  /** Since when something waits that nobody takes, by `performance.now`. */
  private unreadSinceMs: number | undefined;

  constructor(window: ReceiveWindow, maxBytes: number) {
    this.window = window;
    this.maxBytes = maxBytes;
  }

  /** A DATA frame came. Throws `ProtocolError` if the server had no credit for it, or marked it wrongly. */
  push(bytes: Uint8Array, flags: number): void {
    if (this.more && (flags & Flag.Compressed) !== 0) {
      throw new ProtocolError("COMPRESSED on a chunk that is not a message's first");
    }
    this.window.receive(dataCost(bytes));
    this.more = (flags & Flag.More) !== 0;
    this.waiting.push({ bytes, flags });
    this.unreadSinceMs ??= performance.now();
    this.deliver();
  }

  /** The call has ended; what waits is still delivered, then the end. */
  finish(error: ConnectError | undefined): void {
    const cut = this.more ? new ConnectError("the call ended within a message", Code.Internal) : undefined;
    this.end ??= { error: error ?? cut };
    this.deliver();
  }

  /** The call has ended on this side: what waits is dropped. */
  abort(error: ConnectError): void {
    this.waiting = [];
    this.assembly = [];
    this.end = { error };
    this.deliver();
  }

  /** Resolves with the next message, or undefined at the end; rejects with the call's error. */
  receive(): Promise<ReceivedMessage | undefined> {
    return new Promise((resolve, reject) => {
      this.receiver = { resolve, reject };
      this.deliver();
    });
  }

  /** How many bytes the server may still send. */
  get credit(): number {
    return this.window.available;
  }

  /** How long something has been waiting that nobody takes, in ms; 0 if nothing does. */
  unreadMs(): number {
    return this.unreadSinceMs === undefined ? 0 : performance.now() - this.unreadSinceMs;
  }

  private deliver(): void {
    if (!this.receiver) {
      return;
    }
    this.unreadSinceMs = undefined;
    while (this.receiver && this.waiting.length > 0) {
      this.assemble(this.waiting.shift() as Chunk);
    }
    if (this.receiver && this.end) {
      this.settle(this.receiver, this.end.error);
    }
    if (this.waiting.length > 0) {
      this.unreadSinceMs = performance.now();
    }
  }

  private assemble(chunk: Chunk): void {
    this.assembly.push(chunk);
    this.assemblyBytes += chunk.bytes.length;
    const compressed = ((this.assembly[0] as Chunk).flags & Flag.Compressed) !== 0;
    const overhead = compressed ? gzipOverheadBytes(this.maxBytes) : 0;
    if (this.assemblyBytes > this.maxBytes + overhead) {
      this.abort(messageTooLarge(this.maxBytes));
      return;
    }
    if ((chunk.flags & Flag.More) === 0) {
      const bytes = joinBytes(
        this.assembly.map(({ bytes }) => bytes),
        this.assemblyBytes,
      );
      this.assembly = [];
      this.assemblyBytes = 0;
      this.settle(this.receiver, undefined, { bytes, compressed });
    }
    this.window.release(dataCost(chunk.bytes));
  }

  private settle(receiver: Receiver | undefined, error: ConnectError | undefined, message?: ReceivedMessage): void {
    this.receiver = undefined;
    if (error) {
      receiver?.reject(error);
    } else {
      receiver?.resolve(message);
    }
  }
}
