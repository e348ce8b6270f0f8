/** Returns a source of numbers in [0, 1) that depends on the seed alone (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns a whole number from 0 to below n. */
export function below(random: () => number, n: number): number {
  return Math.floor(random() * n);
}

/** Returns the items in a random order. */
export function shuffled<T>(random: () => number, items: readonly T[]): T[] {
  const rest = [...items];
  const result: T[] = [];
  while (rest.length > 0) {
    result.push(...rest.splice(below(random, rest.length), 1));
  }
  return result;
}
