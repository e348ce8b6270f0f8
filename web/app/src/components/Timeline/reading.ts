import type { ChatMessage, Room, RoomSnapshot } from "@rialto/chat";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { messageKey, type Row } from "../../model/grouping.js";
import type { Stretch } from "./stretch.js";

/**
 * The messages that were the oldest here at some time. They showed who spoke, and still do when what came before them is
 * here, too: else they would change their height in sight.
 */
export function useBreaks(messages: readonly ChatMessage[]): ReadonlySet<number> {
  const [breaks, setBreaks] = useState<ReadonlySet<number>>(new Set());
  const oldest = messages[0]?.seq;
  if (oldest !== undefined && !breaks.has(oldest)) {
    setBreaks(new Set(breaks).add(oldest));
  }
  return breaks;
}

/** Where the line "new" stands: after what had been read when the room was opened, for as long as it is open. Not in the past. */
export function useUnreadLine(snapshot: RoomSnapshot, past: boolean): number | undefined {
  const line = useRef<{ readSeq: number | undefined }>(undefined);
  const known = snapshot.status === "live" || snapshot.status === "catching-up";
  if (line.current === undefined && known) {
    const readSomething = snapshot.readSeq > 0 && snapshot.unread > 0;
    line.current = { readSeq: readSomething ? snapshot.readSeq : undefined };
  }
  return past ? undefined : line.current?.readSeq;
}

/**
 * Starts at the line "new", once the room is there, if the line is among what is loaded, unless one came for a certain
 * message. Returns whether it did: before that, nothing counts as looked at.
 */
export function useStart(
  rows: readonly Row[],
  ready: boolean,
  target: number | undefined,
  toRow: (key: string) => void,
): boolean {
  const [started, setStarted] = useState(false);
  useLayoutEffect(() => {
    if (!ready || started) {
      return;
    }
    const line = rows.findIndex((row) => row.kind === "unread");
    // At the very top, what is older may be new, too: then the end is the better place to start.
    if (line > 1 && target === undefined) {
      toRow("unread");
    }
    setStarted(true);
  }, [rows, ready, started, target, toRow]);
  return started;
}

/** How the way to a message goes on that was asked for by its address. */
export type Search = "none" | "searching" | "missing";

/** Goes to the message that the address names, once, as soon as it is there. */
export function useTarget(
  { messages, known }: Stretch,
  target: number | undefined,
  toRow: (key: string, options: { readonly focus: boolean }) => void,
): Search {
  const reached = useRef<number>(undefined);
  const found = target === undefined ? undefined : messages[target - (messages[0]?.seq ?? 0)];
  const key = found && messageKey(found);
  useEffect(() => {
    if (key !== undefined && reached.current !== target) {
      toRow(key, { focus: true });
    }
    reached.current = key === undefined ? undefined : target;
  }, [key, target, toRow]);
  if (target === undefined || key !== undefined || known === undefined) {
    return "none";
  }
  return known ? "missing" : "searching";
}

/** Lets the oldest messages go only while the newest are looked at. */
export function useKeepOlder(room: Room, messages: readonly ChatMessage[], atEnd: boolean): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page of older messages means that all are kept, until this is said again.
  useEffect(() => room.keepOlder(!atEnd), [room, messages, atEnd]);
}

/** How many messages of others came since the reader left the end. */
export function useMissed(messages: readonly ChatMessage[], myId: string | undefined, atEnd: boolean): number {
  const head = messages.at(-1)?.seq ?? 0;
  const [seen, setSeen] = useState(head);
  if (atEnd && seen !== head) {
    setSeen(head);
  }
  if (atEnd) {
    return 0;
  }
  const first = messages[0]?.seq ?? 0;
  return messages.slice(Math.max(0, seen + 1 - first)).filter((message) => message.sender.id !== myId).length;
}
