import type { Stream } from "./stream.js";

/**
 * Finds calls with received bytes that nobody takes: an iterator that was left without aborting the call, or an application
 * that is too slow. It reports each call once, after it was unread for between one and two times `afterMs`.
 */
export class StallWatch {
  private readonly timer: ReturnType<typeof setInterval> | undefined;
  private readonly reported = new WeakSet<Stream>();

  /** `afterMs` of 0: does nothing. */
  constructor(afterMs: number, streams: () => Iterable<Stream>, report: (stream: Stream) => void) {
    if (afterMs > 0) {
      this.timer = setInterval(() => {
        for (const stream of streams()) {
          if (stream.unreadMs >= afterMs && !this.reported.has(stream)) {
            this.reported.add(stream);
            report(stream);
          }
        }
      }, afterMs);
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
