import { create, toBinary } from "@bufbuild/protobuf";
import { OpenSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { encodeInline, Flag, FrameType, maxStreamId } from "./frame.js";
import { gzipEncoding } from "./gzip.js";
import type { Piece } from "./outgoing.js";
import type { Stream } from "./stream.js";
import { dataCost, SendWindow } from "./window.js";

/** The socket takes frames of calls until so many bytes wait in it; control frames so never wait behind more. */
export const highWaterBytes = 256 * 1024;

/** WebSocket has no event for a drained buffer (https://websockets.spec.whatwg.org), so it is looked at so often, in ms. */
const drainPollMs = 10;

/** So many ids are kept for calls that already wait when no more are accepted. */
const idReserve = 1_000_000;

/** The socket, as the queue sees it. */
export interface FrameSink {
  readonly bufferedAmount: number;
  write(type: number, flags: number, stream: number, payload: Uint8Array): void;
}

/** What the server's settings allow. */
export interface SendLimits {
  readonly maxStreams: number;
  readonly maxChunkBytes: number;
}

/**
 * What calls have to write, in turns: OPENs first, in order, then one chunk of each call that has credit. It is idle until
 * `enable`.
 */
export class SendQueue {
  /** The connection's credit. */
  readonly window: SendWindow;
  private readonly sink: FrameSink;
  private limits: SendLimits;
  private readonly opening = new Set<Stream>();
  private readonly ready = new Set<Stream>();
  /** Calls that only wait for credit of the connection. */
  private readonly starved = new Set<Stream>();
  private enabled = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private nextId = 1;
  /** Opened calls that have not ended. */
  private openCount = 0;
  private readonly onOpened: (stream: Stream) => void;

  /** `onOpened` hears of each call that got its id. */
  constructor(sink: FrameSink, windowBytes: number, limits: SendLimits, onOpened: (stream: Stream) => void) {
    this.sink = sink;
    this.window = new SendWindow(windowBytes);
    this.limits = limits;
    this.onOpened = onOpened;
  }

  /** Starts to write. */
  enable(): void {
    this.enabled = true;
    this.pump();
  }

  /** Writes nothing more and leaves no timer. */
  disable(): void {
    this.enabled = false;
    clearTimeout(this.timer);
  }

  /** Every id up to this one was given to a call. */
  get lastId(): number {
    return this.nextId - 2;
  }

  /** Whether there are no ids left for more calls than those that wait. */
  get exhausted(): boolean {
    return this.nextId > maxStreamId - 2 * idReserve;
  }

  /** The calls that wait to be opened, in order. */
  get waiting(): Iterable<Stream> {
    return this.opening;
  }

  /** Gives up the calls that wait to be opened. */
  takeWaiting(): readonly Stream[] {
    const waiting = [...this.opening];
    this.opening.clear();
    return waiting;
  }

  setLimits(limits: SendLimits): void {
    this.limits = limits;
    this.pump();
  }

  /** The call is to be opened. */
  open(stream: Stream): void {
    this.opening.add(stream);
    this.pump();
  }

  /** The call may have something to send, or got credit. */
  schedule(stream: Stream): void {
    if (stream.id !== 0 && stream.outgoing.pending) {
      this.ready.add(stream);
      this.pump();
    }
  }

  /** The connection got credit. */
  replenish(): void {
    for (const stream of this.starved) {
      this.ready.add(stream);
    }
    this.starved.clear();
    this.pump();
  }

  /** The call has ended. */
  remove(stream: Stream): void {
    this.opening.delete(stream);
    this.ready.delete(stream);
    this.starved.delete(stream);
    if (stream.id !== 0) {
      this.openCount--;
    }
    this.pump();
  }

  private readonly pump = () => {
    clearTimeout(this.timer);
    while (this.enabled && this.sink.bufferedAmount < highWaterBytes) {
      if (!this.writeNext()) {
        return;
      }
    }
    if (this.enabled) {
      this.timer = setTimeout(this.pump, drainPollMs);
    }
  };

  private writeNext(): boolean {
    const [next] = this.opening;
    if (next && this.openCount < this.limits.maxStreams) {
      this.opening.delete(next);
      this.writeOpen(next);
      return true;
    }
    for (const stream of this.ready) {
      this.ready.delete(stream);
      if (stream.outgoing.needsCredit && this.window.available === 0) {
        this.starved.add(stream);
        continue;
      }
      const piece = stream.outgoing.takePiece(Math.min(this.limits.maxChunkBytes, this.window.available));
      if (piece) {
        this.writePiece(stream, piece);
        return true;
      }
    }
    return false;
  }

  private writeOpen(stream: Stream): void {
    stream.handleOpened(this.nextId);
    this.nextId += 2;
    this.openCount++;
    this.onOpened(stream);
    const open = encodeOpen(stream);
    const message = stream.outgoing.takeWhole(Math.min(this.limits.maxChunkBytes, this.window.available));
    if (message) {
      this.window.take(dataCost(message.bytes));
      const flags = Flag.Inline | (message.last ? Flag.EndSend : 0) | (message.compressed ? Flag.Compressed : 0);
      this.sink.write(FrameType.Open, flags, stream.id, encodeInline(open, message.bytes));
    } else {
      this.sink.write(FrameType.Open, 0, stream.id, open);
    }
    if (stream.outgoing.pending) {
      this.ready.add(stream);
    }
  }

  private writePiece(stream: Stream, { kind, flags, payload }: Piece): void {
    if (kind === "data") {
      this.window.take(dataCost(payload));
      this.sink.write(FrameType.Data, flags, stream.id, payload);
    } else {
      this.sink.write(FrameType.EndSend, flags, stream.id, payload);
    }
    if (stream.outgoing.pending) {
      this.ready.add(stream);
    }
  }
}

function encodeOpen({ request, compresses }: Stream): Uint8Array {
  const { method, metadata, deadlineMs } = request;
  const open = create(OpenSchema, { method, metadata: [...metadata], encoding: compresses ? gzipEncoding : "" });
  if (deadlineMs !== undefined) {
    // The time counts from the frame's arrival; what was waited for the connection is already gone.
    open.timeoutNs = BigInt(Math.max(1, Math.round((deadlineMs - performance.now()) * 1e6)));
  }
  return toBinary(OpenSchema, open);
}
