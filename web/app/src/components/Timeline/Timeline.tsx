import { type ChatMessage, hasRole, type MessageView, type Room, type RoomSnapshot, type User } from "@rialto/chat";
import { type KeyboardEvent, memo, type Ref, useImperativeHandle, useMemo, useState } from "react";
import { useMarkRead } from "../../hooks/use-mark-read.js";
import { useNow } from "../../hooks/use-now.js";
import { type RowKind, useVirtualRows } from "../../hooks/use-virtual-rows.js";
import { type Row, rows as rowsOf } from "../../model/grouping.js";
import { guessHeight } from "../../model/row-height.js";
import { dayName } from "../../model/times.js";
import { Icon } from "../Icon/Icon.js";
import { Message, type MessageActions } from "../Message/Message.js";
import { PendingMessage } from "../PendingMessage/PendingMessage.js";
import { History, Newer } from "./History.js";
import { keyForTab, messageByKey } from "./keyboard.js";
import { useBreaks, useKeepOlder, useMissed, useStart, useTarget, useUnreadLine } from "./reading.js";
import { useStretch } from "./stretch.js";
import "./timeline.css";

export interface TimelineHandle {
  /** Goes to the newest message. */
  toEnd(): void;
}

interface Props {
  readonly room: Room;
  readonly snapshot: RoomSnapshot;
  /** What the room is called. */
  readonly name: string;
  /** The messages to show instead of the newest ones. Mount the timeline anew for others. */
  readonly past: MessageView | undefined;
  /** Leaves the past. */
  readonly onPresent: () => void;
  readonly me: User | undefined;
  /** Whether there is a connection. */
  readonly live: boolean;
  /** The seq of the message that is being edited. */
  readonly editing: number | undefined;
  /** The seq of the message that the address names. */
  readonly target: number | undefined;
  readonly actions: MessageActions;
  readonly ref?: Ref<TimelineHandle>;
}

const rowKind: RowKind<Row> = {
  guess: guessHeight,
  steady: (row) => row.kind === "message" || row.kind === "pending",
};

/**
 * The middle of the room: what was said, of which only what is near to the view is in the document. Mount it anew for
 * another room.
 */
export function Timeline({ room, snapshot, name, past, onPresent, me, live, editing, target, actions, ref }: Props) {
  const stretch = useStretch(room, snapshot, past);
  const { messages, pending, hasNewer } = stretch;
  const unreadFrom = useUnreadLine(snapshot, past !== undefined);
  const breaks = useBreaks(messages);
  const rows = useMemo(
    () => rowsOf({ messages, pending, me, readSeq: unreadFrom, breaks }),
    [messages, pending, me, unreadFrom, breaks],
  );
  const { view, list, window, atEnd, toEnd, toRow, focusRow } = useVirtualRows(rows, rowKind, !hasNewer);
  const toPresent = hasNewer ? onPresent : toEnd;
  useImperativeHandle(ref, () => ({ toEnd: toPresent }), [toPresent]);
  const started = useStart(rows, snapshot.status === "live", target, toRow);
  const search = useTarget(stretch, target, toRow);
  useMarkRead(room, snapshot, started && atEnd && !hasNewer);
  useKeepOlder(room, snapshot.messages, atEnd || past !== undefined);
  const missed = useMissed(messages, me?.id, atEnd);
  const [focused, setFocused] = useState<string>();
  const currentKey = keyForTab(rows, window, focused);
  const moderator = hasRole(snapshot.me?.role ?? "visitor", "moderator");
  const sentSeq =
    pending.length === 0 && !hasNewer ? messages.findLast((m) => m.sender.id === me?.id && !m.deleted)?.seq : undefined;

  const onKeyDown = (event: KeyboardEvent) => {
    const next = messageByKey(event.nativeEvent, rows);
    if (next !== undefined) {
      event.preventDefault();
      focusRow(next);
    }
  };
  return (
    <div className="timeline">
      <section ref={view} className="timeline-view" aria-label="Messages" tabIndex={-1}>
        <div className="timeline-content">
          <History stretch={stretch} name={name} view={view} />
          <ol
            ref={list}
            className="timeline-rows"
            onKeyDown={onKeyDown}
            onFocus={(event) => setFocused(event.target.closest("[data-key]")?.getAttribute("data-key") ?? undefined)}
          >
            {rows.slice(window.from, window.to).map((row) => (
              <li key={row.key} data-key={row.key}>
                <RowContent
                  row={row}
                  answered={row.kind === "message" ? answeredBy(row.message, messages) : undefined}
                  room={room}
                  me={me}
                  moderator={moderator}
                  live={live}
                  current={row.key === currentKey}
                  editing={row.kind === "message" && row.message.seq === editing}
                  sent={row.kind === "message" && row.message.seq === sentSeq}
                  target={row.kind === "message" && row.message.seq === target}
                  actions={actions}
                />
              </li>
            ))}
          </ol>
          {hasNewer && <Newer stretch={stretch} view={view} />}
        </div>
      </section>
      {search !== "none" && (
        <p className="timeline-search" role="status">
          {search === "searching" ? "Looking for the message…" : "There is no such message in this room."}
        </p>
      )}
      {(!atEnd || hasNewer) && (
        <button type="button" className="to-present" onClick={toPresent}>
          <Icon name="down" size={16} />
          <span>{missed === 0 || hasNewer ? "Jump to present" : `${missed.toLocaleString()} new`}</span>
        </button>
      )}
    </div>
  );
}

/** The message that a message answers, if it is loaded. */
function answeredBy({ replyTo }: ChatMessage, messages: readonly ChatMessage[]): ChatMessage | undefined {
  return replyTo === undefined ? undefined : messages[replyTo - (messages[0]?.seq ?? 0)];
}

interface RowProps {
  readonly row: Row;
  readonly answered: ChatMessage | undefined;
  readonly room: Room;
  readonly me: User | undefined;
  readonly moderator: boolean;
  readonly live: boolean;
  readonly current: boolean;
  readonly editing: boolean;
  readonly sent: boolean;
  readonly target: boolean;
  readonly actions: MessageActions;
}

function RowContent({ row, answered, room, me, moderator, live, current, editing, sent, target, actions }: RowProps) {
  switch (row.kind) {
    case "day":
      return <DayDivider day={row.day.getTime()} />;
    case "unread":
      return <p className="divider divider-unread">New</p>;
    case "message":
      return (
        <Message
          message={row.message}
          answered={answered}
          first={row.first}
          myId={me?.id ?? ""}
          moderator={moderator}
          current={current}
          editing={editing}
          sent={sent}
          target={target}
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
    <h2 className="divider">
      <span>{dayName(new Date(day), now)}</span>
    </h2>
  );
});
