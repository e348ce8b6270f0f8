import type { ChatClient, Room } from "@rialto/chat";

/** How many rooms stay joined after they were left, so that they are current when one comes back. */
const keptRooms = 8;

/** The rooms that are open, or were not long ago: they are joined. */
export class Visits {
  private readonly client: Pick<ChatClient, "room">;
  private readonly listeners = new Set<(room: Room) => void>();
  /** The latest last, each with how to let it go. */
  private readonly kept = new Map<string, { readonly room: Room; readonly release: () => void }>();

  constructor(client: Pick<ChatClient, "room">) {
    this.client = client;
  }

  /** The rooms that are joined, the latest last. */
  get rooms(): Room[] {
    return [...this.kept.values()].map(({ room }) => room);
  }

  has(id: string): boolean {
    return this.kept.has(id);
  }

  /** Calls the listener with each of these rooms whenever it changes, or is one of them since now. Returns the function that ends this. */
  subscribe(listener: (room: Room) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Joins a room and keeps it joined until so many others were visited after it. */
  visit(id: string): void {
    const kept = this.kept.get(id) ?? this.join(id);
    this.kept.delete(id);
    this.kept.set(id, kept);
    for (const [oldest, { release }] of this.kept) {
      if (this.kept.size <= keptRooms) {
        break;
      }
      this.kept.delete(oldest);
      release();
    }
    this.tell(kept.room);
  }

  /** Leaves all. */
  end(): void {
    for (const { release } of this.kept.values()) {
      release();
    }
    this.kept.clear();
  }

  private join(id: string) {
    const room = this.client.room(id);
    room.join();
    const unsubscribe = room.subscribe(() => this.tell(room));
    const release = () => {
      unsubscribe();
      room.leave();
    };
    return { room, release };
  }

  private tell(room: Room): void {
    for (const listener of this.listeners) {
      listener(room);
    }
  }
}
