import { windowMessages } from "./messages.js";

/** How many messages may still be sent before the other tab takes one. */
export class Credit {
  private left = windowMessages;
  private wake: (() => void) | undefined;
  private ended = false;

  /** Uses one, waiting for it if need be. Resolves with false when the call has ended. */
  async take(): Promise<boolean> {
    while (this.left === 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.left--;
    return !this.ended;
  }

  /** The other tab took one. */
  give(): void {
    this.left++;
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }
}
