import type { ChatClient, User } from "@rialto/chat";

/** Where this browser remembers whom its user has blocked, so that it is known before the server was asked. */
const key = "rialto.blocked";

/** What is used of a client. */
export type BlockingClient = Pick<ChatClient, "blockUser" | "unblockUser" | "listBlockedUsers">;

/**
 * Whom this user has blocked: by id, each with the name they had, or "" where this browser never knew it. The server keeps who it
 * is; what they say elsewhere than to this user alone is for the application to hide. Shaped for useSyncExternalStore.
 */
export class BlockedPeople {
  private readonly client: BlockingClient;
  private readonly storage: Pick<Storage, "getItem" | "setItem">;
  private readonly listeners = new Set<() => void>();
  private people: ReadonlyMap<string, string>;

  constructor(client: BlockingClient, storage: Pick<Storage, "getItem" | "setItem">) {
    this.client = client;
    this.storage = storage;
    this.people = remembered(storage);
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getSnapshot(): ReadonlyMap<string, string> {
    return this.people;
  }

  has(userId: string): boolean {
    return this.people.has(userId);
  }

  /** Asks the server, as another device may have changed it. Rejects with ChatError. */
  async load(): Promise<void> {
    const before = this.people;
    const ids = await this.client.listBlockedUsers();
    if (ids.length !== before.size || ids.some((id) => !before.has(id))) {
      this.set(ids.map((id) => [id, before.get(id) ?? ""]));
    }
  }

  /** Rejects with ChatError. */
  async block({ id, name }: User): Promise<void> {
    await this.client.blockUser(id);
    this.set([...this.people, [id, name]]);
  }

  /** Rejects with ChatError. */
  async unblock(userId: string): Promise<void> {
    await this.client.unblockUser(userId);
    this.set([...this.people].filter(([id]) => id !== userId));
  }

  private set(people: readonly (readonly [string, string])[]): void {
    this.people = new Map(people);
    try {
      this.storage.setItem(key, JSON.stringify(people));
    } catch {
      // Storage that is full or forbidden: the server is asked the next time.
    }
    for (const listener of this.listeners) {
      listener();
    }
  }
}

function remembered(storage: Pick<Storage, "getItem">): ReadonlyMap<string, string> {
  try {
    const stored: unknown = JSON.parse(storage.getItem(key) ?? "[]");
    return new Map(Array.isArray(stored) ? stored.filter(isEntry) : []);
  } catch {
    return new Map();
  }
}

function isEntry(entry: unknown): entry is [string, string] {
  return Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === "string");
}
