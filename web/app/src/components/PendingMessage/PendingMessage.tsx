import type { PendingMessage as Pending, Room, User } from "@rialto/chat";
import { memo } from "react";
import { problem } from "../../model/problem.js";
import { clockTime } from "../../model/times.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Icon } from "../Icon/Icon.js";
import { MessageText } from "../MessageText/MessageText.js";
import { PersonName } from "../PersonName/PersonName.js";
import "./pending-message.css";

interface Props {
  readonly message: Pending;
  readonly first: boolean;
  readonly me: User | undefined;
  /** Whether there is a connection to send it on. */
  readonly live: boolean;
  readonly room: Room;
}

/** A message of one's own that the room does not show yet: on its way, or refused. */
export const PendingMessage = memo(function PendingMessage({ message, first, me, live, room }: Props) {
  const failed = message.status === "failed";
  return (
    <article
      className="message pending"
      data-first={first || undefined}
      data-own
      data-status={message.status}
      aria-label={`You, not sent yet: ${message.text.slice(0, 500)}`}
    >
      {first && me !== undefined ? <Avatar user={me} /> : <span />}
      <div className="message-body">
        {first && me !== undefined && (
          <header className="message-header">
            <PersonName user={me} me />
            <time className="message-time" dateTime={message.time.toISOString()}>
              {clockTime(message.time)}
            </time>
          </header>
        )}
        <MessageText text={message.text} reachable />
        {!live && !failed && <p className="pending-waiting">Will be sent when the connection is back</p>}
        {failed ? (
          <p className="pending-failed" role="alert">
            <span className="pending-why">
              <Icon name="warning" size={15} />
              <span>Not sent. {message.error === undefined ? "" : problem(message.error)}</span>
            </span>
            <button type="button" className="text-button" onClick={() => room.retry(message.clientId)}>
              Retry
            </button>
            <button
              type="button"
              className="text-button"
              data-kind="danger"
              onClick={() => room.discard(message.clientId)}
            >
              Discard
            </button>
          </p>
        ) : (
          <p className="message-state pending-sending" title="Sending">
            <Icon name="clock" size={14} />
            <span className="unseen">Sending</span>
          </p>
        )}
      </div>
    </article>
  );
});
