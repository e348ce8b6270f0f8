/** After the machine woke up or changed networks, when somebody is looking, a probe must be answered in this time, in ms. */
export const wakeTimeoutMs = 5_000;

export interface HeartbeatOptions {
  /** After so long without a frame a probe is sent, which must be answered in the same time. 0: never. */
  readonly intervalMs: number;
  /** How many bytes were given to the socket so far. */
  sentBytes(): number;
  /** How many of them still wait in it. */
  bufferedBytes(): number;
  /** Send what must be answered. */
  probe(): void;
  /** The connection is dead, whatever the socket says. */
  dead(): void;
}

/**
 * Watches that a connection is alive. Browsers show nothing of WebSocket's own pings and keep a socket open for minutes after
 * its network went away; only frames that arrive prove anything. One timer, which is not touched for each of them.
 */
export class Heartbeat {
  private readonly options: HeartbeatOptions;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dueMs = 0;
  private heardMs = 0;
  /** What waited in the socket, and what had left it, when the last probe was sent. */
  private backlogBytes = 0;
  private drainedBytes = 0;
  private probeTimeoutMs: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.options = options;
  }

  start(): void {
    this.heardMs = performance.now();
    if (this.options.intervalMs > 0) {
      this.schedule(this.options.intervalMs);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** A frame arrived. */
  heard(): void {
    this.heardMs = performance.now();
    this.probeTimeoutMs = undefined;
  }

  /** The network may have changed under the connection: probes at once. Only while started. */
  wake(): void {
    if (this.timer !== undefined && this.probeTimeoutMs === undefined) {
      this.probe(Math.min(wakeTimeoutMs, this.options.intervalMs));
    }
  }

  private readonly check = () => {
    const now = performance.now();
    const timeoutMs = this.probeTimeoutMs;
    if (timeoutMs === undefined) {
      const restMs = this.options.intervalMs - (now - this.heardMs);
      return restMs > 0 ? this.schedule(restMs) : this.probe(this.options.intervalMs);
    }
    // A page that was frozen runs its timers before it hears what arrived meanwhile.
    const frozen = now - this.dueMs > timeoutMs;
    if (frozen || this.hasDrained()) {
      this.probe(timeoutMs);
    } else {
      this.stop();
      this.options.dead();
    }
  };

  // Where bytes waited and went on, the peer takes them: it is slow, not dead. Bytes that did not have to wait prove nothing:
  // the operating system takes them for a network that is gone.
  private hasDrained(): boolean {
    return this.backlogBytes > 0 && this.options.sentBytes() - this.options.bufferedBytes() > this.drainedBytes;
  }

  private probe(timeoutMs: number): void {
    this.backlogBytes = this.options.bufferedBytes();
    this.options.probe();
    this.drainedBytes = this.options.sentBytes() - this.options.bufferedBytes();
    this.probeTimeoutMs = timeoutMs;
    this.schedule(timeoutMs);
  }

  private schedule(delayMs: number): void {
    clearTimeout(this.timer);
    this.dueMs = performance.now() + delayMs;
    this.timer = setTimeout(this.check, delayMs);
  }
}
