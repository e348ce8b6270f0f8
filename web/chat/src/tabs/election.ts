/** What is used of `navigator.locks` (https://www.w3.org/TR/web-locks/). */
export type Locks = Pick<LockManager, "request">;

export interface ElectionEvents {
  /** This tab is the host from now on. */
  elected(): void;
  /** Another tab has seized it. */
  deposed(): void;
}

interface Candidacy {
  readonly abort: AbortController;
  /** Ends the time as host; there while it lasts. */
  resign: (() => void) | undefined;
}

/** Makes one tab of a browser the host, by a lock: the next one when that is gone, or when another seizes it. */
export class Election {
  private readonly locks: Locks;
  private readonly name: string;
  private readonly events: ElectionEvents;
  private candidacy: Candidacy | undefined;

  constructor(locks: Locks, name: string, events: ElectionEvents) {
    this.locks = locks;
    this.name = name;
    this.events = events;
  }

  /** Stands for election, until `stop`. */
  stand(): void {
    this.run({});
  }

  /** Takes the place of a host that does not answer. */
  seize(): void {
    this.stop();
    this.run({ steal: true });
  }

  stop(): void {
    const { candidacy } = this;
    this.candidacy = undefined;
    candidacy?.abort.abort();
    candidacy?.resign?.();
  }

  private run(options: { readonly steal?: boolean }): void {
    const candidacy: Candidacy = { abort: new AbortController(), resign: undefined };
    this.candidacy = candidacy;
    const held = () =>
      new Promise<void>((resolve) => {
        if (this.candidacy === candidacy) {
          candidacy.resign = resolve;
          this.events.elected();
        } else {
          resolve();
        }
      });
    // A lock that is stolen cannot be waited for at the same time.
    const request = options.steal ? options : { signal: candidacy.abort.signal };
    this.locks.request(this.name, request, held).catch(() => {
      if (this.candidacy === candidacy) {
        this.events.deposed();
        this.stand();
      }
    });
  }
}
