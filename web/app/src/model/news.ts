import type { ChatClient, ChatMessage, MessageView, Room, UserRoom } from "@rialto/chat";
import type { Visits } from "./visits.js";

/** Something that was just said by somebody else. */
export interface News {
  readonly room: string;
  /** What the room is called. */
  readonly name: string;
  readonly message: ChatMessage;
}

/** Who wants to hear of news. */
export interface NewsListener {
  /** Whether something new in a room is wanted; `mentioned`: whether it is about this user; `sender`: who says it, if that is known. */
  wants(room: string, mentioned: boolean, sender?: string): boolean;
  hear(news: News): void;
}

/** What is used of a client. */
export type NewsClient = Pick<ChatClient, "room" | "rooms" | "getSnapshot">;

/**
 * What others say, as it is said: in rooms that are joined, and in those that this user is a member of, of which the feed tells that
 * there is something; that is asked for if somebody wants it.
 */
export class NewsDesk {
  private readonly client: NewsClient;
  private readonly visits: Visits;
  private readonly listener: NewsListener;
  /** What was there of each room when it was looked at last. */
  private readonly seen = new Map<string, { readonly headSeq: number; readonly mentions: number }>();
  /** Rooms whose news is being asked for. */
  private readonly asking = new Set<string>();

  constructor(client: NewsClient, visits: Visits, listener: NewsListener) {
    this.client = client;
    this.visits = visits;
    this.listener = listener;
  }

  /** Starts: what is there by now is no news. Returns the function that ends it. */
  start(): () => void {
    for (const room of this.visits.rooms) {
      this.roomChanged(room);
    }
    const unvisit = this.visits.subscribe((room) => this.roomChanged(room));
    const unsubscribe = this.client.rooms.subscribe(() => this.listChanged());
    this.listChanged();
    return () => {
      unvisit();
      unsubscribe();
    };
  }

  private roomChanged(room: Room): void {
    const { id, title, status, headSeq, messages } = room.getSnapshot();
    // What is caught up with after a break is old by then, but was not told yet.
    if (status !== "live") {
      return;
    }
    const before = this.seen.get(id);
    this.seen.set(id, { headSeq, mentions: 0 });
    if (before !== undefined && headSeq > before.headSeq) {
      this.tell(id, title, messages, before.headSeq);
    }
  }

  private listChanged(): void {
    const { rooms, loaded } = this.client.rooms.getSnapshot();
    for (const room of loaded ? rooms : []) {
      this.listedChanged(room);
    }
  }

  private listedChanged(room: UserRoom): void {
    const { id, headSeq, mentions, unread } = room;
    if (this.visits.has(id) || this.asking.has(id)) {
      return;
    }
    const before = this.seen.get(id);
    this.seen.set(id, { headSeq, mentions });
    if (before === undefined || headSeq <= before.headSeq || unread === 0) {
      return;
    }
    if (this.listener.wants(id, mentions > before.mentions)) {
      void this.ask(room, before.headSeq);
    }
  }

  /** Asks for what is new in a room that is not joined, and then whether there is more. */
  private async ask({ id, title, headSeq, mentions }: UserRoom, before: number): Promise<void> {
    this.asking.add(id);
    const view = this.client.room(id).around(headSeq);
    const messages = await loaded(view);
    view.close();
    this.asking.delete(id);
    // There may be more by now than was asked for.
    const newest = Math.max(headSeq, messages.at(-1)?.seq ?? 0);
    this.seen.set(id, { headSeq: newest, mentions });
    this.tell(id, title, messages, before);
    const room = this.client.rooms.getSnapshot().rooms.find((one) => one.id === id);
    if (room) {
      this.listedChanged(room);
    }
  }

  private tell(room: string, title: string, messages: readonly ChatMessage[], before: number): void {
    const me = this.client.getSnapshot().user?.id;
    const name = title === "" ? room : title;
    for (const message of messages) {
      if (message.seq > before && message.sender.id !== me && !message.deleted) {
        const mentioned = me !== undefined && message.mentions.includes(me);
        if (this.listener.wants(room, mentioned, message.sender.id)) {
          this.listener.hear({ room, name, message });
        }
      }
    }
  }
}

/** Resolves with a view's messages once they are there; with none if they do not come. */
function loaded(view: MessageView): Promise<readonly ChatMessage[]> {
  return new Promise((resolve) => {
    const check = () => {
      const { messages, loading } = view.getSnapshot();
      if (!loading) {
        unsubscribe();
        resolve(messages);
      }
    };
    const unsubscribe = view.subscribe(check);
    check();
  });
}
