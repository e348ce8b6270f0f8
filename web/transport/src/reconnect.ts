/** The ceiling of the first delay between tries, in ms. */
export const firstCeilingMs = 500;

/** The ceiling of every later delay, in ms. */
export const lastCeilingMs = 30_000;

/** A connection that lived so long was a good one: after it, delays start with the first ceiling again, in ms. */
export const stableAfterMs = 5_000;

/**
 * Delays between tries: exponential with full jitter, so that many clients that lost the same server come back
 * spread out. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  private readonly random: () => number;
  private count = 0;

  /** `random` returns numbers in [0, 1). */
  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** Returns the next delay in ms: a random part of a ceiling that doubles each time, after `minimumMs`. */
  next(minimumMs = 0): number {
    const ceilingMs = Math.min(lastCeilingMs, firstCeilingMs * 2 ** this.count);
    this.count++;
    return minimumMs + this.random() * ceilingMs;
  }

  /** Starts over with the first ceiling. */
  reset(): void {
    this.count = 0;
  }
}

/** Returns a random delay between two bounds, in ms. */
export function between(minMs: number, maxMs: number): number {
  return minMs + Math.random() * Math.max(0, maxMs - minMs);
}

/**
 * Calls the listener whenever the network may have changed under a connection, or somebody looks at the page again. Returns
 * the function that ends this. Outside a browser it never calls.
 */
export function onWake(listener: (event: Event) => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") {
    return () => undefined;
  }
  const visible = (event: Event) => {
    if (document.visibilityState === "visible") {
      listener(event);
    }
  };
  window.addEventListener("online", listener);
  window.addEventListener("pageshow", listener);
  document.addEventListener("visibilitychange", visible);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("pageshow", listener);
    document.removeEventListener("visibilitychange", visible);
  };
}
