import { Flag } from "./frame.js";
import { dataCost, SendWindow } from "./window.js";

/** One message to send. */
export interface SentMessage {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
  /** No message follows: the half-close travels with this one. */
  readonly last: boolean;
}

/** The payload of the next DATA, or the bare half-close. */
export interface Piece {
  readonly kind: "data" | "end-send";
  readonly payload: Uint8Array;
  readonly flags: number;
}

const noBytes = new Uint8Array(0);

/**
 * The messages of one call that go out, one at a time: the next one is taken when the last chunk of this one was written, so
 * that a slow server holds up the application instead of filling the memory.
 */
export class Outgoing {
  readonly window: SendWindow;
  private message: SentMessage | undefined;
  private offset = 0;
  private written: ((sent: boolean) => void) | undefined;
  private halfCloseAsked = false;
  private finished = false;

  constructor(windowBytes: number) {
    this.window = new SendWindow(windowBytes);
  }

  /**
   * Accepts a message; only after the promise of the last one has resolved. Resolves with true when its last byte is with the
   * socket, with false when the call ended before.
   */
  offer(message: SentMessage): Promise<boolean> {
    if (this.finished) {
      return Promise.resolve(false);
    }
    this.message = message;
    this.offset = 0;
    return new Promise((resolve) => {
      this.written = resolve;
    });
  }

  /** No message follows. */
  halfClose(): void {
    this.halfCloseAsked = true;
  }

  /** The call has ended: nothing more is sent. */
  abort(): void {
    this.finish();
    this.settle(false);
  }

  /** Whether there is anything to send that only waits for credit. */
  get pending(): boolean {
    return !this.finished && (this.message !== undefined || this.halfCloseAsked);
  }

  /** Whether the next piece needs credit on the stream and the connection; a bare half-close needs none. */
  get needsCredit(): boolean {
    return this.message !== undefined;
  }

  /** Takes the whole message, if one is there and `maxBytes` and the stream's credit allow it: for OPEN with INLINE. */
  takeWhole(maxBytes: number): SentMessage | undefined {
    const message = this.message;
    if (!message || dataCost(message.bytes) > Math.min(maxBytes, this.window.available)) {
      return undefined;
    }
    this.window.take(dataCost(message.bytes));
    this.complete(message);
    return message;
  }

  /** Takes the next piece, of at most `maxBytes` and the stream's credit, or undefined if there is none or no credit. */
  takePiece(maxBytes: number): Piece | undefined {
    const message = this.message;
    if (!message) {
      return this.pending ? this.takeHalfClose() : undefined;
    }
    if (Math.min(maxBytes, this.window.available) === 0) {
      return undefined;
    }
    const end = Math.min(message.bytes.length, this.offset + Math.min(maxBytes, this.window.available));
    const payload = message.bytes.subarray(this.offset, end);
    const compressed = this.offset === 0 && message.compressed ? Flag.Compressed : 0;
    this.window.take(dataCost(payload));
    this.offset = end;
    if (end < message.bytes.length) {
      return { kind: "data", payload, flags: compressed | Flag.More };
    }
    this.complete(message);
    return { kind: "data", payload, flags: compressed | (message.last ? Flag.EndSend : 0) };
  }

  private takeHalfClose(): Piece {
    this.finish();
    return { kind: "end-send", payload: noBytes, flags: 0 };
  }

  private complete(message: SentMessage): void {
    this.message = undefined;
    if (message.last) {
      this.finish();
    }
    this.settle(true);
  }

  private finish(): void {
    this.finished = true;
    this.message = undefined;
  }

  private settle(sent: boolean): void {
    this.written?.(sent);
    this.written = undefined;
  }
}
