import type { Presence as WirePresence } from "@rialto/gen/rialto/chat/v1/event_pb";
import { toUser } from "./convert.js";
import type { User } from "./types.js";

/** Who is connected to a room: state that presence events replace or amend. */
export class Presence {
  private readonly users = new Map<string, User>();
  private sorted: readonly User[] | undefined;
  /** How many are here; more than `online` holds in a crowd. */
  count = 0;

  apply(presence: WirePresence): void {
    if (presence.reset) {
      this.users.clear();
    }
    for (const id of presence.left) {
      this.users.delete(id);
    }
    for (const user of presence.joined) {
      this.users.set(user.id, toUser(user));
    }
    this.count = presence.online;
    this.sorted = undefined;
  }

  clear(): void {
    this.users.clear();
    this.count = 0;
    this.sorted = undefined;
  }

  /** Everybody, by name and then id. The same array until something changes. */
  get online(): readonly User[] {
    this.sorted ??= [...this.users.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
    return this.sorted;
  }
}
