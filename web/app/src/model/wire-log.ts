import type { FrameListener, WireFrame } from "@rialto/transport";

/** A frame that was seen, with a number of its own. */
export interface LoggedFrame extends WireFrame {
  readonly id: number;
}

/** A call, as its frames tell. */
export interface LoggedCall {
  readonly id: string;
  readonly connection: number;
  readonly stream: number;
  readonly method: string;
  readonly startMs: number;
  /** When its last frame was seen. */
  readonly lastMs: number;
  readonly open: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly frames: number;
}

/** How many frames, and how many bytes of payload, are held: the newest. */
const mostFrames = 1000;
const mostBytes = 4 << 20;

/** Bytes of a frame's header; see docs/protocol.md. */
export const headerBytes = 6;

/**
 * Takes note of the frames of this page's connection, while it is on. In the shape of useSyncExternalStore; listeners hear at
 * most once a frame of the screen.
 */
export class WireLog {
  private readonly listeners = new Set<() => void>();
  private frames: LoggedFrame[] = [];
  private calls = new Map<string, LoggedCall>();
  private bytes = 0;
  private count = 0;
  private on = false;
  private telling = false;
  private snapshot = { frames: this.frames as readonly LoggedFrame[], calls: [] as readonly LoggedCall[] };

  /** What a transport's option `onFrame` takes. */
  readonly onFrame: FrameListener = (frame) => {
    if (this.on) {
      this.take(frame);
    }
  };

  /** Starts or stops to take notes. Stopping forgets all of them. */
  enable(on: boolean): void {
    this.on = on;
    if (!on) {
      this.clear();
    }
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getSnapshot(): { readonly frames: readonly LoggedFrame[]; readonly calls: readonly LoggedCall[] } {
    return this.snapshot;
  }

  clear(): void {
    this.frames = [];
    this.calls.clear();
    this.bytes = 0;
    this.tell();
  }

  private take(frame: WireFrame): void {
    this.frames.push({ ...frame, id: ++this.count });
    this.bytes += frame.payload.length;
    while (this.frames.length > mostFrames || this.bytes > mostBytes) {
      this.bytes -= this.frames.shift()?.payload.length ?? this.bytes;
    }
    if (frame.method !== undefined) {
      this.note(frame, frame.method);
    }
    this.tell();
  }

  private note(frame: WireFrame, method: string): void {
    const id = `${frame.connection}.${frame.stream}`;
    const size = headerBytes + frame.payload.length;
    const sent = frame.direction === "sent" ? size : 0;
    const before = this.calls.get(id);
    this.calls.set(id, {
      id,
      connection: frame.connection,
      stream: frame.stream,
      method,
      startMs: before?.startMs ?? frame.timeMs,
      lastMs: frame.timeMs,
      open: frame.name !== "END" && frame.name !== "RESET",
      sentBytes: (before?.sentBytes ?? 0) + sent,
      receivedBytes: (before?.receivedBytes ?? 0) + size - sent,
      frames: (before?.frames ?? 0) + 1,
    });
    const [oldest] = this.calls.keys();
    if (this.calls.size > mostFrames && oldest !== undefined) {
      this.calls.delete(oldest);
    }
  }

  private tell(): void {
    if (this.telling) {
      return;
    }
    this.telling = true;
    requestAnimationFrame(() => {
      this.telling = false;
      this.snapshot = { frames: [...this.frames], calls: [...this.calls.values()] };
      for (const listener of this.listeners) {
        listener();
      }
    });
  }
}
