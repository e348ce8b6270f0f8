/** The ceiling of the first delay, in ms. */
export const firstCeilingMs = 500;

/** The ceiling of every later delay, in ms. */
export const lastCeilingMs = 30_000;

/**
 * Delays between tries: exponential with full jitter, so that many clients that lost the same server come back spread
 * out. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  private readonly random: () => number;
  private count = 0;

  /** `random` returns numbers in [0, 1). */
  constructor(random: () => number) {
    this.random = random;
  }

  /** How many delays were given since the last reset. */
  get attempt(): number {
    return this.count;
  }

  /** Returns the next delay in ms: a random part of a ceiling that doubles each time, after `minimumMs`. */
  next(minimumMs = 0): number {
    const ceiling = Math.min(lastCeilingMs, firstCeilingMs * 2 ** this.count);
    this.count++;
    return minimumMs + this.random() * ceiling;
  }

  /** Starts over with the first ceiling. */
  reset(): void {
    this.count = 0;
  }
}
