import type { Listener, Unsubscribe } from "./types.js";

/**
 * Something that listeners watch through immutable snapshots, in the shape that React's useSyncExternalStore takes.
 * A snapshot is built when it is asked for, once after each change.
 */
export class Store<T> {
  private readonly build: () => T;
  private readonly listeners = new Set<Listener>();
  private snapshot: T | undefined;

  constructor(build: () => T) {
    this.build = build;
  }

  getSnapshot(): T {
    this.snapshot ??= this.build();
    return this.snapshot;
  }

  subscribe(listener: Listener): Unsubscribe {
    // A function of our own, so that the same listener can be added twice and removed once.
    const entry: Listener = () => listener();
    this.listeners.add(entry);
    return () => {
      this.listeners.delete(entry);
    };
  }

  /** Drops the snapshot and calls the listeners. One that throws does not keep the others, or us, from going on. */
  changed(): void {
    this.snapshot = undefined;
    for (const listener of [...this.listeners]) {
      try {
        listener();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
