import type { ChatClient } from "@rialto/chat";

/** Asks who is in direct rooms, which are called after their people: one room after the other, each once. */
export class DirectPeople {
  private readonly client: Pick<ChatClient, "room">;
  private readonly told: () => void;
  private readonly asked = new Set<string>();
  private last: Promise<void> = Promise.resolve();

  /** `told` is called after each answer; the names are then in the room's members. */
  constructor(client: Pick<ChatClient, "room">, told: () => void) {
    this.client = client;
    this.told = told;
  }

  ask(id: string): void {
    if (!this.asked.has(id)) {
      this.asked.add(id);
      this.last = this.last.then(async () => {
        await this.client.room(id).members.load();
        this.told();
      });
    }
  }
}
