import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { toMessage } from "./convert.js";
import type { Position } from "./cursor.js";
import { ChatError } from "./error.js";
import type { Session } from "./session.js";
import { Store } from "./store.js";
import { newerForm, withAnswer } from "./timeline.js";
import type { ChatMessage, Listener, MessageView, MessageViewSnapshot, Unsubscribe } from "./types.js";

/** How many messages a page brings. */
const pageSize = 50;

/** Which messages a view shows. */
export type ViewScope = { readonly around: number } | { readonly repliesTo: number };

/** What a view uses of its room. */
export interface ViewRoom {
  /** The last event that the room took. */
  position(): Position | undefined;
  closed(): void;
}

type Page = { readonly case: "beforeSeq" | "afterSeq"; readonly seq: number; readonly size: number };

/**
 * Messages of a room beside its timeline, page by page. The room tells it of every event; those that come while a page is
 * under way are kept until it is there, since it may hold older forms.
 */
export class RoomView implements MessageView {
  private readonly room: string;
  private readonly scope: ViewScope;
  private readonly session: Session;
  private readonly owner: ViewRoom;
  private readonly store = new Store<MessageViewSnapshot>(() => this.build());
  private messages: readonly ChatMessage[] = [];
  /** What events said since the page under way was asked for, by seq. */
  private readonly news = new Map<number, ChatMessage>();
  private loading: Promise<void> | undefined;
  private error: ChatError | undefined;
  private hasOlder = false;
  private hasNewer = false;
  private floor = 1;
  /** Counts resets: a page that was asked for before one is void. */
  private generation = 0;
  private isClosed = false;

  /** Starts to load at once. */
  constructor(room: string, scope: ViewScope, session: Session, owner: ViewRoom) {
    this.room = room;
    this.scope = scope;
    this.session = session;
    this.owner = owner;
    this.start();
  }

  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  getSnapshot(): MessageViewSnapshot {
    return this.store.getSnapshot();
  }

  loadOlder(): Promise<void> {
    const [oldest] = this.messages;
    if (!oldest) {
      return this.hasOlder ? this.start() : Promise.resolve();
    }
    return this.hasOlder ? this.load([{ case: "beforeSeq", seq: oldest.seq, size: pageSize }]) : Promise.resolve();
  }

  loadNewer(): Promise<void> {
    const newest = this.messages.at(-1);
    if (!newest) {
      return this.hasNewer ? this.start() : Promise.resolve();
    }
    return this.hasNewer ? this.load([{ case: "afterSeq", seq: newest.seq, size: pageSize }]) : Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.owner.closed();
  }

  /** A message was posted. */
  posted(message: ChatMessage): void {
    this.answered(message);
    const newest = this.messages.at(-1)?.seq ?? 0;
    if (!this.hasNewer && message.seq > newest && this.shows(message)) {
      this.messages = [...this.messages, message];
      this.store.changed();
    }
  }

  /** Counts the answers that were posted since the page was asked for, which may not know them. */
  private countNews(): void {
    for (const news of [...this.news.values()]) {
      this.answered(news);
    }
  }

  private answered(answer: ChatMessage): void {
    const question = this.messages.find(({ seq }) => seq === answer.replyTo);
    if (question) {
      this.merge(withAnswer(question, answer));
    }
  }

  /** A message changed, or was posted. */
  merge(message: ChatMessage): void {
    if (this.loading) {
      const held = this.news.get(message.seq);
      this.news.set(message.seq, held ? newerForm(held, message) : message);
    }
    if (this.messages.some(({ seq }) => seq === message.seq)) {
      this.messages = this.messages.map((held) => (held.seq === message.seq ? newerForm(held, message) : held));
      this.store.changed();
    }
  }

  /** Messages below this seq have left the room: a page under way may still bring some. */
  dropBelow(seq: number): void {
    this.floor = Math.max(this.floor, seq);
    this.messages = this.messages.filter((message) => message.seq >= this.floor);
    this.hasOlder = this.hasOlder && (this.messages[0]?.seq ?? 0) > this.floor;
    this.store.changed();
  }

  /** Events were missed: starts over. */
  reset(): void {
    this.floor = 1;
    this.generation++;
    this.loading = undefined;
    this.messages = [];
    this.start();
  }

  private start(): Promise<void> {
    this.hasOlder = !("repliesTo" in this.scope);
    this.hasNewer = true;
    if ("repliesTo" in this.scope) {
      return this.load([{ case: "afterSeq", seq: this.scope.repliesTo, size: pageSize }]);
    }
    const { around } = this.scope;
    return this.load([
      { case: "beforeSeq", seq: around + 1, size: pageSize / 2 },
      { case: "afterSeq", seq: around, size: pageSize / 2 },
    ]);
  }

  private load(pages: readonly Page[]): Promise<void> {
    if (this.loading || this.isClosed) {
      return this.loading ?? Promise.resolve();
    }
    const { generation } = this;
    this.error = undefined;
    this.news.clear();
    const loading = this.fetch(pages, generation).finally(() => {
      if (generation === this.generation) {
        this.loading = undefined;
        this.news.clear();
        this.store.changed();
      }
    });
    this.loading = loading;
    this.store.changed();
    return loading;
  }

  private async fetch(pages: readonly Page[], generation: number): Promise<void> {
    try {
      const answers = await Promise.all(pages.map((page) => this.ask(page)));
      if (generation === this.generation && !this.isClosed) {
        answers.forEach((answer, i) => {
          this.take(pages[i]?.case === "beforeSeq", answer);
        });
        await this.fetchRest(answers.at(-1)?.messages.length ?? 0, generation);
      }
    } catch (reason) {
      if (generation !== this.generation) {
        return;
      }
      if (reason instanceof ChatError && reason.code === "NOT_FOUND") {
        // A room that its first message will make.
        this.hasOlder = false;
        this.hasNewer = false;
        this.addNews(0);
      } else {
        this.error = reason instanceof ChatError ? reason : new ChatError("INTERNAL", "The page cannot be shown.");
      }
    }
  }

  /** Of answers only an empty page says that there are no more, so that those to come can be added. A full page does without. */
  private async fetchRest(count: number, generation: number): Promise<void> {
    const newest = this.messages.at(-1);
    if ("repliesTo" in this.scope && this.hasNewer && newest && count < pageSize) {
      await this.fetch([{ case: "afterSeq", seq: newest.seq, size: pageSize }], generation);
    }
  }

  private async ask({ case: direction, seq, size }: Page) {
    const { messages, room } = await this.session.call(MessageService.method.listMessages, {
      room: this.room,
      position: { case: direction, value: BigInt(seq) },
      pageSize: size,
      minRev: BigInt(this.owner.position()?.rev ?? 0),
      ...("repliesTo" in this.scope && { replyTo: BigInt(this.scope.repliesTo) }),
    });
    return {
      messages: messages.map(toMessage),
      headSeq: Number(room?.headSeq ?? 0n),
      firstSeq: Number(room?.firstSeq ?? 0n),
    };
  }

  private take(
    older: boolean,
    { messages, headSeq, firstSeq }: { messages: readonly ChatMessage[]; headSeq: number; firstSeq: number },
  ): void {
    const kept = messages.filter((message) => message.seq >= this.floor);
    const page = kept.map((message) => {
      const news = this.news.get(message.seq);
      return news ? newerForm(message, news) : message;
    });
    if (older) {
      this.messages = [...page, ...this.messages];
      this.hasOlder = (this.messages[0]?.seq ?? 0) > Math.max(this.floor, firstSeq) && page.length > 0;
      this.countNews();
      return;
    }
    this.messages = [...this.messages, ...page];
    this.countNews();
    const newest = this.messages.at(-1)?.seq ?? 0;
    this.hasNewer = messages.length > 0 && newest < headSeq;
    if (!this.hasNewer) {
      this.addNews(headSeq);
    }
  }

  /** Adds what was posted since the page was read, when the newest message of the room was this one. */
  private addNews(headSeq: number): void {
    const seen = Math.max(headSeq, this.messages.at(-1)?.seq ?? 0);
    const late = [...this.news.values()].filter((message) => message.seq > seen && this.shows(message));
    this.messages = [...this.messages, ...late.sort((a, b) => a.seq - b.seq)];
  }

  private shows({ replyTo }: ChatMessage): boolean {
    return !("repliesTo" in this.scope) || replyTo === this.scope.repliesTo;
  }

  private build(): MessageViewSnapshot {
    return {
      messages: this.messages,
      hasOlder: this.hasOlder,
      hasNewer: this.hasNewer,
      loading: this.loading !== undefined,
      ...(this.error && { error: this.error }),
    };
  }
}
