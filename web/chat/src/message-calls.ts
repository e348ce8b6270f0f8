import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import type { Message as WireMessage } from "@rialto/gen/rialto/chat/v1/types_pb";
import { toMessage } from "./convert.js";
import type { Session } from "./session.js";
import type { ChatMessage, EditOptions } from "./types.js";

/** What the calls use of their room. */
export interface CallsRoom {
  /** The epoch of what is shown; undefined before the first snapshot. */
  epoch(): string | undefined;
  /** The message with this seq, if it is shown. */
  get(seq: number): ChatMessage | undefined;
  /** Takes a message as a call answered it. */
  merge(message: ChatMessage): void;
}

/** The calls that change one message of a room. What they answer is shown at once; its event may come before or behind it. */
export class MessageCalls {
  private readonly room: string;
  private readonly session: Session;
  private readonly owner: CallsRoom;

  constructor(room: string, session: Session, owner: CallsRoom) {
    this.room = room;
    this.session = session;
    this.owner = owner;
  }

  edit(seq: number, text: string, { expectedRev, ...options }: EditOptions): Promise<void> {
    const mentions = options.mentions ?? this.owner.get(seq)?.mentions ?? [];
    const request = {
      ...this.target(seq),
      text,
      mentions: [...mentions],
      ...(expectedRev !== undefined && { expectedRev: BigInt(expectedRev) }),
    };
    return this.merged(this.session.call(MessageService.method.editMessage, request));
  }

  remove(seq: number): Promise<void> {
    return this.merged(this.session.call(MessageService.method.deleteMessage, this.target(seq)));
  }

  addReaction(seq: number, emoji: string): Promise<void> {
    return this.merged(this.session.call(MessageService.method.addReaction, { ...this.target(seq), emoji }));
  }

  removeReaction(seq: number, emoji: string): Promise<void> {
    return this.merged(this.session.call(MessageService.method.removeReaction, { ...this.target(seq), emoji }));
  }

  private target(seq: number): { readonly room: string; readonly seq: bigint } {
    return { room: this.room, seq: BigInt(seq) };
  }

  private async merged(call: Promise<{ readonly message?: WireMessage | undefined }>): Promise<void> {
    const epoch = this.owner.epoch();
    const { message } = await call;
    if (message && epoch !== undefined && epoch === this.owner.epoch()) {
      this.owner.merge(toMessage(message));
    }
  }
}
