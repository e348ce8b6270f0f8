/** Messages that wait to be taken, in order, and then an end. One reader. */
export class Inbox implements AsyncIterable<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private readonly taken: () => void;
  private end: { readonly error?: Error } | undefined;
  private wake: (() => void) | undefined;

  /** `taken` is called for each message that the reader takes. */
  constructor(taken: () => void) {
    this.taken = taken;
  }

  push(bytes: Uint8Array): void {
    this.waiting.push(bytes);
    this.wake?.();
  }

  /** Nothing follows. The reader gets what waits, then the error if there is one. */
  finish(error?: Error): void {
    this.end ??= error ? { error } : {};
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const bytes = this.waiting.shift();
      if (bytes) {
        this.taken();
        yield bytes;
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
