import type { ChatMessage, Room, RoomSnapshot, User } from "@rialto/chat";
import {
  type KeyboardEvent,
  memo,
  type Ref,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useAnchoredScroll } from "../../hooks/use-anchored-scroll.js";
import { useMarkRead } from "../../hooks/use-mark-read.js";
import { useNow } from "../../hooks/use-now.js";
import { messageKey, type Row, rows as rowsOf } from "../../model/grouping.js";
import { dayName } from "../../model/times.js";
import { Icon } from "../Icon/Icon.js";
import { Message, type MessageActions } from "../Message/Message.js";
import { PendingMessage } from "../PendingMessage/PendingMessage.js";
import { History } from "./History.js";
import { moveFocus } from "./move-focus.js";
import "./timeline.css";

export interface TimelineHandle {
  /** Goes to the newest message. */
  toEnd(): void;
}

interface Props {
  readonly room: Room;
  readonly snapshot: RoomSnapshot;
  readonly me: User | undefined;
  /** Whether there is a connection. */
  readonly live: boolean;
  /** The seq of the message that is being edited. */
  readonly editing: number | undefined;
  readonly actions: MessageActions;
  readonly ref?: Ref<TimelineHandle>;
}

/** The middle of the room: what was said. Mount it anew for another room. */
export function Timeline({ room, snapshot, me, live, editing, actions, ref }: Props) {
  const { messages, pending } = snapshot;
  const unreadFrom = useUnreadLine(snapshot);
  const rows = useMemo(
    () => rowsOf({ messages, pending, me, readSeq: unreadFrom }),
    [messages, pending, me, unreadFrom],
  );
  const { view, list, atEnd, toEnd, toRow } = useAnchoredScroll(rows);
  useImperativeHandle(ref, () => ({ toEnd }), [toEnd]);
  const started = useStartAtUnread(list, snapshot.status === "live", toRow);
  useMarkRead(room, snapshot, started && atEnd);
  useKeepOlder(room, messages, atEnd);
  const missed = useMissed(messages, me?.id, atEnd);
  const [focused, setFocused] = useState<string>();
  const lastKey = messages.length > 0 ? messageKey(messages[messages.length - 1] as ChatMessage) : undefined;
  const currentKey = focused !== undefined && rows.some((row) => row.key === focused) ? focused : lastKey;
  const sentSeq =
    pending.length === 0 ? messages.findLast((m) => m.sender.id === me?.id && !m.deleted)?.seq : undefined;

  const onKeyDown = (event: KeyboardEvent) => {
    if (moveFocus(event.nativeEvent, list.current)) {
      event.preventDefault();
    }
  };
  return (
    <div className="timeline">
      <section ref={view} className="timeline-view" aria-label="Messages" tabIndex={-1}>
        <div className="timeline-content">
          <History room={room} snapshot={snapshot} view={view} />
          <ol
            ref={list}
            className="timeline-rows"
            onKeyDown={onKeyDown}
            onFocus={(event) => setFocused(event.target.closest("[data-key]")?.getAttribute("data-key") ?? undefined)}
          >
            {rows.map((row) => (
              <li key={row.key} data-key={row.key}>
                <RowContent
                  row={row}
                  room={room}
                  me={me}
                  live={live}
                  current={row.key === currentKey}
                  editing={row.kind === "message" && row.message.seq === editing}
                  sent={row.kind === "message" && row.message.seq === sentSeq}
                  actions={actions}
                />
              </li>
            ))}
          </ol>
        </div>
      </section>
      {!atEnd && (
        <button type="button" className="to-present" onClick={toEnd}>
          <Icon name="down" size={16} />
          {missed === 0 ? "Jump to present" : `${missed.toLocaleString()} new`}
        </button>
      )}
    </div>
  );
}

interface RowProps {
  readonly row: Row;
  readonly room: Room;
  readonly me: User | undefined;
  readonly live: boolean;
  readonly current: boolean;
  readonly editing: boolean;
  readonly sent: boolean;
  readonly actions: MessageActions;
}

function RowContent({ row, room, me, live, current, editing, sent, actions }: RowProps) {
  switch (row.kind) {
    case "day":
      return <DayDivider day={row.day.getTime()} />;
    case "unread":
      return <p className="divider divider-unread">New</p>;
    case "message":
      return (
        <Message
          message={row.message}
          first={row.first}
          myId={me?.id ?? ""}
          current={current}
          editing={editing}
          sent={sent}
          actions={actions}
        />
      );
    case "pending":
      return <PendingMessage message={row.message} first={row.first} me={me} live={live} room={room} />;
  }
}

const DayDivider = memo(function DayDivider({ day }: { readonly day: number }) {
  const now = useNow(60_000);
  return (
    <h3 className="divider">
      <span>{dayName(new Date(day), now)}</span>
    </h3>
  );
});

/** Where the line "new" stands: after what had been read when the room was opened, for as long as it is open. */
function useUnreadLine(snapshot: RoomSnapshot): number | undefined {
  const line = useRef<{ readSeq: number | undefined }>(undefined);
  const known = snapshot.status === "live" || snapshot.status === "catching-up";
  if (line.current === undefined && known) {
    const readSomething = snapshot.readSeq > 0 && snapshot.unread > 0;
    line.current = { readSeq: readSomething ? snapshot.readSeq : undefined };
  }
  return line.current?.readSeq;
}

/**
 * Starts at the line "new", once the room is there, if the line is among what is loaded. Returns whether it did: before
 * that, nothing counts as looked at.
 */
function useStartAtUnread(
  list: { readonly current: HTMLOListElement | null },
  ready: boolean,
  toRow: (row: Element) => void,
): boolean {
  const [started, setStarted] = useState(false);
  useLayoutEffect(() => {
    if (!ready || started) {
      return;
    }
    const line = list.current?.querySelector('[data-key="unread"]');
    // At the very top, what is older may be new, too: then the end is the better place to start.
    if (line instanceof Element && line !== list.current?.children[1]) {
      toRow(line);
    }
    setStarted(true);
  }, [ready, started, list, toRow]);
  return started;
}

/** Lets the oldest messages go only while the newest are looked at. */
function useKeepOlder(room: Room, messages: readonly ChatMessage[], atEnd: boolean): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page of older messages means that all are kept, until this is said again.
  useEffect(() => room.keepOlder(!atEnd), [room, messages, atEnd]);
}

/** How many messages of others came since the reader left the end. */
function useMissed(messages: readonly ChatMessage[], myId: string | undefined, atEnd: boolean): number {
  const head = messages.at(-1)?.seq ?? 0;
  const [seen, setSeen] = useState(head);
  if (atEnd && seen !== head) {
    setSeen(head);
  }
  return atEnd ? 0 : messages.filter((message) => message.seq > seen && message.sender.id !== myId).length;
}
