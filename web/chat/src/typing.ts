import type { User } from "./types.js";

/** How long somebody counts as typing after a signal, in ms; from Signaled.typing in the API. */
export const typingExpiryMs = 6_000;

/** How often typing is repeated while it lasts, in ms; Signal.typing asks for 2 to 5 seconds. */
export const typingRepeatMs = 3_000;

/** Others who are typing in a room. One timer, running only while somebody types. */
export class Typists {
  private readonly onExpiry: () => void;
  private readonly entries = new Map<string, { readonly user: User; readonly until: number }>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private listed: readonly User[] | undefined;

  /** `onExpiry` is called when somebody stopped without saying so. */
  constructor(onExpiry: () => void) {
    this.onExpiry = onExpiry;
  }

  /** Takes a signal: who types stays listed for `typingExpiryMs`, in the order of the first signal. */
  heard(user: User, typing: boolean): void {
    if (typing) {
      this.entries.set(user.id, { user, until: performance.now() + typingExpiryMs });
      this.listed = undefined;
      this.schedule();
    } else {
      this.stopped(user.id);
    }
  }

  /** They posted, said that they stopped, or went away. */
  stopped(userId: string): void {
    if (this.entries.delete(userId)) {
      this.listed = undefined;
      this.schedule();
    }
  }

  clear(): void {
    this.entries.clear();
    this.listed = undefined;
    this.schedule();
  }

  /** The same array until something changes. */
  get users(): readonly User[] {
    this.listed ??= [...this.entries.values()].map(({ user }) => user);
    return this.listed;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.entries.size > 0) {
      const next = Math.min(...[...this.entries.values()].map(({ until }) => until));
      this.timer = setTimeout(this.expire, Math.max(0, next - performance.now()));
    }
  }

  private readonly expire = () => {
    const now = performance.now();
    for (const [id, { until }] of this.entries) {
      if (until <= now) {
        this.entries.delete(id);
      }
    }
    this.listed = undefined;
    this.schedule();
    this.onExpiry();
  };
}

/** This user's own typing: turns a call for every key press into as few signals as the others need. */
export class TypingSignal {
  private readonly send: (typing: boolean) => void;
  private sentAt: number | undefined;

  constructor(send: (typing: boolean) => void) {
    this.send = send;
  }

  set(typing: boolean): void {
    if (!typing && this.sentAt !== undefined) {
      this.sentAt = undefined;
      this.send(false);
    } else if (typing && (this.sentAt === undefined || performance.now() - this.sentAt >= typingRepeatMs)) {
      this.sentAt = performance.now();
      this.send(true);
    }
  }

  /** Forgets what was said: a message was posted, which says the same as false, or nobody listens any more. */
  reset(): void {
    this.sentAt = undefined;
  }
}
