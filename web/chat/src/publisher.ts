import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PublishSchema } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { Backoff } from "@rialto/transport/reconnect";
import type { ChatError } from "./error.js";
import { Outbox } from "./outbox.js";
import type { Result, Session } from "./session.js";
import { errorFromStatus } from "./status.js";
import type { PendingMessage } from "./types.js";

export interface PublisherEvents {
  /** Returns true if the room's events will still come to this rev. */
  expects(rev: number): boolean;
  /** The outbox is another. */
  changed(): void;
}

/** Sends what is in a room's outbox, in order and not all at once, whenever there is a session, and again when it must be. */
export class Publisher {
  readonly outbox: Outbox;
  private readonly room: string;
  private readonly session: Session;
  private readonly events: PublisherEvents;
  private readonly backoff: Backoff;
  /** Runs while everything waits because the server could not tell what became of a message. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: string, session: Session, random: () => number, events: PublisherEvents) {
    this.room = room;
    this.session = session;
    this.backoff = new Backoff(random);
    this.outbox = new Outbox({
      put: (message) => session.keeper.put({ ...message, room }),
      delete: (clientId) => session.keeper.delete(clientId),
    });
    this.events = events;
  }

  /** Sends what waits. */
  flush(): void {
    const { keeper, live, userId } = this.session;
    if (!live || !keeper.restored || userId === undefined || this.timer !== undefined) {
      return;
    }
    this.outbox.flush(userId, (message) =>
      this.session.request({ case: "publish", value: publishOf(this.room, message) }, (result) =>
        this.answered(message.clientId, result),
      ),
    );
  }

  /** The stream is gone: what was not answered waits for the next. */
  lost(error: ChatError | undefined): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.outbox.lost(error);
  }

  private answered(clientId: string, result: Result): void {
    if (result.case === "publish") {
      const rev = Number(result.value.rev);
      this.backoff.reset();
      this.outbox.stored(clientId, rev, this.events.expects(rev));
    } else if (result.case === "error") {
      const error = errorFromStatus(result.value);
      if (this.outbox.refused(clientId, error)) {
        this.pause(error.retryAfterMs);
      }
    }
    this.flush();
    this.events.changed();
  }

  private pause(retryAfterMs: number | undefined): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, this.backoff.next(retryAfterMs));
  }
}

function publishOf(room: string, message: PendingMessage): MessageInitShape<typeof PublishSchema> {
  const { clientId, text, data, replyTo = 0, mentions = [] } = message;
  return {
    room,
    clientId,
    body: data
      ? { case: "data", value: { type: data.type, value: new Uint8Array(data.value) } }
      : { case: "text", value: text },
    replyTo: BigInt(replyTo),
    mentions: [...mentions],
  };
}
