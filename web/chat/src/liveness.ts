/** A connection on which nothing arrived for so long is probed, in ms. */
export const probeAfterMs = 15_000;

/** A probe must be answered in this time, in ms. Together with the above this is how long a cut network can hide. */
export const probeTimeoutMs = 10_000;

/** The same after the machine woke up or changed networks, when somebody is looking, in ms. */
export const wakeTimeoutMs = 5_000;

export interface LivenessEvents {
  /** Send something that must be answered. */
  probe(): void;
  /** It was not answered: the connection is dead, whatever the socket says. */
  dead(): void;
}

/**
 * Watches that a connection is alive. Browsers answer the server's pings unseen, show none of their own, and keep a socket
 * OPEN for minutes after its network went away; only what arrives proves anything. One timer while it runs, which is not
 * touched for every message that arrives.
 */
export class Liveness {
  private readonly events: LivenessEvents;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heardAt = 0;
  private probing = false;

  constructor(events: LivenessEvents) {
    this.events = events;
  }

  start(): void {
    this.heardAt = performance.now();
    this.probing = false;
    this.schedule(probeAfterMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Something arrived. */
  heard(): void {
    this.heardAt = performance.now();
    if (this.probing) {
      this.probing = false;
      this.schedule(probeAfterMs);
    }
  }

  /** The network may have changed under the connection: probes at once. Only while started. */
  wake(): void {
    if (this.timer !== undefined && !this.probing) {
      this.probe(wakeTimeoutMs);
    }
  }

  private readonly check = () => {
    const silentMs = performance.now() - this.heardAt;
    if (this.probing) {
      this.stop();
      this.events.dead();
    } else if (silentMs >= probeAfterMs) {
      this.probe(probeTimeoutMs);
    } else {
      this.schedule(probeAfterMs - silentMs);
    }
  };

  private probe(timeoutMs: number): void {
    this.probing = true;
    this.schedule(timeoutMs);
    this.events.probe();
  }

  private schedule(delayMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.check, delayMs);
  }
}
