import type { ChatMessage } from "./types.js";

/**
 * A room's messages: a stretch by seq without gaps that ends with the newest, and what is known beyond it. Of two forms
 * of a message the one with the higher rev stays, whichever came first; so pages and live events merge in any order.
 */
export class Timeline {
  private list: ChatMessage[] = [];
  /** True while `list` is in somebody's hands: it is copied before the next change. */
  private shared = false;
  /** Forms of messages outside the stretch, which a page that was read earlier may bring in an older form. */
  private readonly apart = new Map<number, ChatMessage>();
  /** The seq that the stretch begins with, or that the next message will have. */
  private first = 1;

  /** The same array until something changes. */
  get messages(): readonly ChatMessage[] {
    this.shared = true;
    return this.list;
  }

  /** The seq of the oldest message here; if there is none, that of the next to come. */
  get firstSeq(): number {
    return this.first;
  }

  /** The seq of the newest message here, or the one before the next to come. */
  get lastSeq(): number {
    return this.first + this.list.length - 1;
  }

  /**
   * Drops everything and starts with this page, oldest first. `headSeq` is that of the room at that moment. A message
   * that was here in the same form keeps its identity, unless the epoch is new: then the same rev means another thing.
   */
  reset(page: readonly ChatMessage[], headSeq: number, newEpoch: boolean): void {
    const kept = newEpoch ? () => undefined : (seq: number) => this.list[seq - this.first];
    const next = page.map((message) => {
      const old = kept(message.seq);
      return old?.rev === message.rev ? old : message;
    });
    this.first = page[0]?.seq ?? headSeq + 1;
    this.list = next;
    this.shared = false;
    this.apart.clear();
  }

  /** Takes a message in whatever form, from an event or a call. */
  merge(message: ChatMessage): void {
    const index = message.seq - this.first;
    const held = this.list[index] ?? this.apart.get(message.seq);
    if (held && held.rev >= message.rev) {
      return;
    }
    if (index >= 0 && index < this.list.length) {
      this.writable()[index] = message;
      return;
    }
    this.apart.set(message.seq, message);
    for (let next = this.apart.get(this.lastSeq + 1); next; next = this.apart.get(this.lastSeq + 1)) {
      this.writable().push(next);
      this.apart.delete(next.seq);
    }
  }

  /**
   * Puts a page of older messages, oldest first and without gaps, before the stretch. Returns false, and takes nothing,
   * if it does not end where the stretch begins: the stretch was reset since the page was asked for.
   */
  prepend(page: readonly ChatMessage[]): boolean {
    const [oldest] = page;
    if (!oldest || page.at(-1)?.seq !== this.first - 1) {
      return false;
    }
    const newest = page.map((message) => {
      const held = this.apart.get(message.seq);
      this.apart.delete(message.seq);
      return held && held.rev > message.rev ? held : message;
    });
    this.list = [...newest, ...this.list];
    this.shared = false;
    this.first = oldest.seq;
    return true;
  }

  private writable(): ChatMessage[] {
    if (this.shared) {
      this.list = [...this.list];
      this.shared = false;
    }
    return this.list;
  }
}
