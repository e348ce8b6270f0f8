/** Messages that wait to be taken, in order, and then an end. One reader. */
export class Inbox<T = Uint8Array> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private readonly taken: () => void;
  private end: { readonly error?: Error } | undefined;
  private wake: (() => void) | undefined;

  /** `taken` is called for each message that the reader takes. */
  constructor(taken: () => void) {
    this.taken = taken;
  }

  push(message: T): void {
    this.waiting.push(message);
    this.wake?.();
  }

  /** Nothing follows. The reader gets what waits, then the error if there is one. */
  finish(error?: Error): void {
    this.end ??= error ? { error } : {};
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const message = this.waiting.shift();
      if (message) {
        this.taken();
        yield message;
      } else if (this.end) {
        if (this.end.error) {
          throw this.end.error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}
