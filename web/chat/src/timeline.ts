import type { ChatMessage } from "./types.js";

/** How many forms of messages outside the stretch are held. A page under way needs those that came since it was read. */
export const maxApart = 500;

/**
 * A room's messages: a stretch by seq without gaps that ends with the newest, and what is known beyond it. Of two forms
 * of a message the one with the higher rev stays, whichever came first; so pages and live events merge in any order.
 *
 * Only what is held can win over an older form. So a page that was read before something of this room was let go is
 * refused: it may hold that message as it was then.
 */
export class Timeline {
  private list: ChatMessage[] = [];
  /** True while `list` is in somebody's hands: it is copied before the next change. */
  private shared = false;
  /** Forms of messages outside the stretch, which a page that was read earlier may bring in an older form. */
  private readonly apart = new Map<number, ChatMessage>();
  /** The highest rev of all that was let go. */
  private forgotten = 0;
  /** The seq that the stretch begins with, or that the next message will have. */
  private first = 1;
  /** Messages below this seq have left the room. */
  private floor = 1;

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

  /** How many messages are here. */
  get length(): number {
    return this.list.length;
  }

  /** A page that is to be put before the stretch must have been read at this rev of the room or a later one. */
  get pageRev(): number {
    return this.forgotten;
  }

  /**
   * Drops everything and starts with this page, oldest first. `head` is that of the room at that moment. A message that
   * was here in the same form keeps its identity, unless the epoch is new: then the same rev means another thing.
   */
  reset(page: readonly ChatMessage[], head: { readonly seq: number; readonly rev: number }, newEpoch: boolean): void {
    const kept = newEpoch ? () => undefined : (seq: number) => this.list[seq - this.first];
    const next = page.map((message) => {
      const old = kept(message.seq);
      return old?.rev === message.rev ? newerForm(old, message) : message;
    });
    this.first = page[0]?.seq ?? head.seq + 1;
    this.list = next;
    this.shared = false;
    this.apart.clear();
    this.forgotten = head.rev;
    this.floor = 1;
  }

  /** Messages below this seq have left the room, at this rev of it: drops them, for good. */
  dropBelow(seq: number, rev: number): void {
    this.floor = Math.max(this.floor, seq);
    this.forgotten = Math.max(this.forgotten, rev);
    for (const apart of [...this.apart.keys()]) {
      if (apart < seq) {
        this.apart.delete(apart);
      }
    }
    if (seq > this.first) {
      this.list = this.list.slice(seq - this.first);
      this.shared = false;
      this.first = seq;
      this.joinApart();
    }
  }

  /** Takes a message in whatever form, from an event or a call. */
  merge(message: ChatMessage): void {
    if (message.seq < this.floor) {
      return;
    }
    const index = message.seq - this.first;
    const held = this.list[index] ?? this.apart.get(message.seq);
    const newest = held ? newerForm(held, message) : message;
    if (newest === held) {
      return;
    }
    if (index >= 0 && index < this.list.length) {
      this.writable()[index] = newest;
      return;
    }
    this.setApart(newest);
    this.joinApart();
  }

  /**
   * Puts a page of older messages, oldest first and without gaps, before the stretch. `readAt` is the room's rev when it
   * was read. Returns false, and takes nothing, if it does not end where the stretch begins, or is older than `pageRev`:
   * the stretch was reset or trimmed since the page was asked for.
   */
  prepend(page: readonly ChatMessage[], readAt: number): boolean {
    const [oldest] = page;
    if (!oldest || page.at(-1)?.seq !== this.first - 1 || readAt < this.forgotten) {
      return false;
    }
    const newest = page.map((message) => {
      const held = this.apart.get(message.seq);
      this.apart.delete(message.seq);
      return held ? newerForm(held, message) : message;
    });
    this.list = [...newest, ...this.list];
    this.shared = false;
    this.first = oldest.seq;
    return true;
  }

  /** The message with this seq, if it is in the stretch. */
  get(seq: number): ChatMessage | undefined {
    return this.list[seq - this.first];
  }

  /** A message was posted: the one that it answers has one more answer. */
  answered(answer: ChatMessage): void {
    const question = answer.replyTo === undefined ? undefined : this.get(answer.replyTo);
    if (question) {
      this.writable()[question.seq - this.first] = withAnswer(question, answer);
    }
  }

  /** Lets go of all but the newest `count` messages. Returns whether there were more. */
  trim(count: number): boolean {
    const surplus = this.list.length - count;
    if (surplus <= 0) {
      return false;
    }
    for (const message of this.list.slice(0, surplus)) {
      this.forget(message);
    }
    this.list = this.list.slice(surplus);
    this.shared = false;
    this.first += surplus;
    return true;
  }

  /** Takes into the stretch what now follows its end. */
  private joinApart(): void {
    for (let next = this.apart.get(this.lastSeq + 1); next; next = this.apart.get(this.lastSeq + 1)) {
      this.writable().push(next);
      this.apart.delete(next.seq);
    }
  }

  /** Holds a message beyond the stretch; the one that changed first gives way when there are too many. */
  private setApart(message: ChatMessage): void {
    this.apart.delete(message.seq);
    this.apart.set(message.seq, message);
    const [oldest] = this.apart.values();
    if (oldest && this.apart.size > maxApart) {
      this.apart.delete(oldest.seq);
      this.forget(oldest);
    }
  }

  private forget({ rev }: ChatMessage): void {
    this.forgotten = Math.max(this.forgotten, rev);
  }

  private writable(): ChatMessage[] {
    if (this.shared) {
      this.list = [...this.list];
      this.shared = false;
    }
    return this.list;
  }
}

/**
 * Returns of two forms of a message the one that changed last. The answers to it change without it: they have an age of their
 * own. `held` keeps its identity if there is nothing new.
 */
export function newerForm(held: ChatMessage, other: ChatMessage): ChatMessage {
  const newest = other.rev > held.rev ? other : held;
  const thread = lastSeqOf(other) > lastSeqOf(held) ? other.thread : held.thread;
  return newest.thread === thread || !thread ? newest : { ...newest, thread };
}

/** Counts an answer that was just posted, once. */
export function withAnswer(question: ChatMessage, { seq, createTime }: ChatMessage): ChatMessage {
  const counted = lastSeqOf(question) >= seq;
  const thread = { count: (question.thread?.count ?? 0) + 1, lastSeq: seq, lastTime: createTime };
  return counted ? question : { ...question, thread };
}

function lastSeqOf({ thread }: ChatMessage): number {
  return thread?.lastSeq ?? 0;
}
