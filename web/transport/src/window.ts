import { ProtocolError } from "./frame.js";

/** What a window may not exceed (docs/protocol.md), as in HTTP/2 (RFC 9113, section 6.9.1). */
export const maxWindowBytes = 0x7fff_ffff;

/**
 * Returns what a DATA frame takes of the windows: its payload, but at least one byte. Otherwise empty messages would cost
 * nothing, and a peer could make the other keep any number of them.
 */
export function dataCost(payload: Uint8Array): number {
  return Math.max(payload.length, 1);
}

/** How many bytes of DATA may still be sent, on a stream or the connection. */
export class SendWindow {
  private bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get available(): number {
    return this.bytes;
  }

  /** Uses credit; at most what is available. */
  take(bytes: number): void {
    this.bytes -= bytes;
  }

  /** The peer granted more. Throws `ProtocolError` when it granted more than a window may hold. */
  grow(bytes: number): void {
    if (this.bytes + bytes > maxWindowBytes) {
      throw new ProtocolError("WINDOW over 2^31-1");
    }
    this.bytes += bytes;
  }
}

/**
 * How many bytes of DATA the peer may still send, on a stream or the connection. Credit goes back in batches of half the
 * window: what is held back so never stops the peer, and a WINDOW frame is rare.
 */
export class ReceiveWindow {
  private readonly size: number;
  private readonly grant: (bytes: number) => void;
  private credit: number;
  private released = 0;

  /** `grant` tells the peer that it may send so many bytes more. */
  constructor(size: number, grant: (bytes: number) => void) {
    this.size = size;
    this.credit = size;
    this.grant = grant;
  }

  /** What the peer may still send. */
  get available(): number {
    return this.credit;
  }

  /** Bytes came. Throws `ProtocolError` when the peer had no credit for them. */
  receive(bytes: number): void {
    if (bytes > this.credit) {
      throw new ProtocolError(`${bytes} bytes of DATA where ${this.credit} were allowed`);
    }
    this.credit -= bytes;
  }

  /** Bytes that came have left the buffers that this window bounds. */
  release(bytes: number): void {
    this.released += bytes;
    if (this.released * 2 >= this.size) {
      const granted = this.released;
      this.released = 0;
      this.credit += granted;
      this.grant(granted);
    }
  }
}
