const prefix = "rialto.draft.";

/** What was typed and not sent, one text a room. Storage that is full or forbidden only means that nothing is kept. */
export class Drafts {
  private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {
    this.storage = storage;
  }

  /** Returns the draft for a room, or "". */
  get(room: string): string {
    try {
      return this.storage.getItem(prefix + room) ?? "";
    } catch {
      return "";
    }
  }

  /** Keeps a draft; a blank one is forgotten. */
  set(room: string, text: string): void {
    try {
      if (text.trim() === "") {
        this.storage.removeItem(prefix + room);
      } else {
        this.storage.setItem(prefix + room, text);
      }
    } catch {
      // Typing goes on; only a reload would show the difference.
    }
  }
}
