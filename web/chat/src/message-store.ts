import type { StatusCode } from "./error.js";
import type { DataBody, MessageOptions } from "./types.js";

/** A message that is not in its room yet, as it is kept between visits. It can be cloned (structuredClone). */
export interface StoredMessage extends MessageOptions {
  readonly room: string;
  readonly clientId: string;
  readonly text: string;
  readonly data?: DataBody;
  /** When it was written, in ms since 1970. No two of one client are the same. */
  readonly time: number;
  /** The user as whom it was first sent; absent if it was not yet. */
  readonly sentBy?: string;
  /** Why it failed, if it did. */
  readonly failure?: { readonly code: StatusCode; readonly message: string };
}

/**
 * Where messages are kept until they are in their room, over reloads and crashes. A method that rejects means that the message
 * is kept in memory alone.
 */
export interface MessageStore {
  /**
   * Takes over and returns, oldest first, what is kept and belongs to nobody who still runs. It is asked at the start and with
   * each connection.
   */
  adopt(): Promise<readonly StoredMessage[]>;
  /** Keeps a message, in place of one with the same client id. */
  put(message: StoredMessage): Promise<void>;
  /** Forgets a message. */
  delete(clientId: string): Promise<void>;
}

/** Keeps messages as long as the object lives: for programs that restart a client, and for tests. */
export function memoryMessages(): MessageStore {
  const kept = new Map<string, StoredMessage>();
  return {
    adopt: () => Promise.resolve([...kept.values()].sort((a, b) => a.time - b.time)),
    put: (message) => {
      kept.set(message.clientId, message);
      return Promise.resolve();
    },
    delete: (clientId) => {
      kept.delete(clientId);
      return Promise.resolve();
    },
  };
}

/** What one client does with its store, in order, and without ever waiting or failing for it. */
export class MessageKeeper {
  private readonly store: MessageStore | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private isRestored: boolean;

  constructor(store: MessageStore | undefined) {
    this.store = store;
    this.isRestored = store === undefined;
  }

  /** Whether what was kept before is here: nothing is sent earlier, so that it goes first. */
  get restored(): boolean {
    return this.isRestored;
  }

  /** Passes what is kept and belongs to nobody to `take`, then calls `done` if this was the first time. */
  adopt(take: (messages: readonly StoredMessage[]) => void, done: () => void): void {
    const { store } = this;
    if (!store) {
      return;
    }
    this.enqueue(async () => {
      try {
        take(await store.adopt());
      } finally {
        if (!this.isRestored) {
          this.isRestored = true;
          done();
        }
      }
    });
  }

  put(message: StoredMessage): void {
    const { store } = this;
    if (store) {
      this.enqueue(() => store.put(message));
    }
  }

  delete(clientId: string): void {
    const { store } = this;
    if (store) {
      this.enqueue(() => store.delete(clientId));
    }
  }

  // A store that fails costs what is kept over a reload, and nothing else.
  private enqueue(task: () => Promise<void>): void {
    this.last = this.last.then(task).catch(() => undefined);
  }
}
