import type { ChatMessage, PendingMessage, User } from "@rialto/chat";

/** Messages of one author stand together while each is at most this long after the first of them. */
const groupMs = 5 * 60_000;

/** One row of the timeline. `key` stays the same for as long as the row means the same, also from pending to posted. */
export type Row =
  | { readonly kind: "day"; readonly key: string; readonly day: Date }
  | { readonly kind: "unread"; readonly key: string }
  | { readonly kind: "message"; readonly key: string; readonly message: ChatMessage; readonly first: boolean }
  | { readonly kind: "pending"; readonly key: string; readonly message: PendingMessage; readonly first: boolean };

export interface Timeline {
  readonly messages: readonly ChatMessage[];
  readonly pending: readonly PendingMessage[];
  /** The reader; undefined before the first connection, and then there is nothing pending. */
  readonly me: User | undefined;
  /** The line "new" stands before the first message above this seq. Undefined: nowhere. */
  readonly readSeq?: number | undefined;
  /** Messages that begin a group whoever spoke before them. */
  readonly breaks?: ReadonlySet<number>;
}

/** Arranges a room's messages: day dividers, the line before what is new, authors grouped, what is pending last. */
export function rows({ messages, pending, me, readSeq, breaks }: Timeline): Row[] {
  const result: Row[] = [];
  let group: { author: string; name: string; start: number } | undefined;
  let day: string | undefined;
  let unreadShown = readSeq === undefined;

  const startsGroup = (author: User | undefined, time: Date): boolean => {
    const id = author?.id ?? "";
    const name = author?.name ?? "";
    const continues =
      group !== undefined &&
      group.author === id &&
      group.name === name &&
      Math.abs(time.getTime() - group.start) <= groupMs;
    if (!continues) {
      group = { author: id, name, start: time.getTime() };
    }
    return !continues;
  };
  const startDay = (time: Date): void => {
    const key = dayKey(time);
    if (key === day) {
      return;
    }
    day = key;
    group = undefined;
    result.push({ kind: "day", key: `day ${key}`, day: time });
  };

  for (const message of messages) {
    startDay(message.createTime);
    if (!unreadShown && readSeq !== undefined && message.seq > readSeq) {
      unreadShown = true;
      group = undefined;
      result.push({ kind: "unread", key: "unread" });
    }
    if (breaks?.has(message.seq)) {
      group = undefined;
    }
    const first = startsGroup(message.sender, message.createTime);
    result.push({ kind: "message", key: messageKey(message), message, first });
  }
  for (const message of pending) {
    // No day divider: a pending message has no day until the server says so.
    const first = startsGroup(me, message.time);
    result.push({ kind: "pending", key: ownKey(me?.id ?? "", message.clientId), message, first });
  }
  return result;
}

/** What identifies a message among the rows, and as the target of the keyboard. */
export function messageKey(message: ChatMessage): string {
  return message.clientId === "" ? `seq ${message.seq}` : ownKey(message.sender.id, message.clientId);
}

function ownKey(userId: string, clientId: string): string {
  return `own ${userId} ${clientId}`;
}

/** The local calendar day. */
function dayKey(time: Date): string {
  return `${time.getFullYear()}-${time.getMonth() + 1}-${time.getDate()}`;
}
