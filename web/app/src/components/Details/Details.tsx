import type { RoomSnapshot, User } from "@rialto/chat";
import { useId } from "react";
import { type NotifyLevel, notifyLevels } from "../../model/preferences.js";
import { Icon } from "../Icon/Icon.js";
import { People } from "../People/People.js";
import "./details.css";

interface Props {
  readonly snapshot: RoomSnapshot;
  readonly me: User | undefined;
  /** Whether this is how it was when the connection broke. */
  readonly stale: boolean;
  /** What the person is told of in this room. */
  readonly level: NotifyLevel;
  readonly onLevel: (level: NotifyLevel) => void;
  readonly onCopyLink: () => void;
}

const levelNames: Readonly<Record<NotifyLevel, string>> = {
  all: "Every message",
  mentions: "Only what mentions me",
  none: "Nothing",
};

/** The right pane: what the room is about, what one is told of, and who is here. */
export function Details({ snapshot, me, stale, level, onLevel, onCopyLink }: Props) {
  const id = useId();
  return (
    <div className="details">
      <section className="details-section" aria-label="This room">
        {snapshot.topic !== "" && (
          <p className="details-topic" dir="auto">
            {snapshot.topic}
          </p>
        )}
        {snapshot.slowModeMs > 0 && (
          <p className="details-note">Slow mode: one message every {Math.round(snapshot.slowModeMs / 1000)} s.</p>
        )}
        <div className="details-row">
          <label htmlFor={`${id}-level`}>
            <Icon name="bell" size={16} /> Tell me of
          </label>
          <select
            id={`${id}-level`}
            value={level}
            onChange={(event) => onLevel(notifyLevels.find((one) => one === event.target.value) ?? "all")}
          >
            {notifyLevels.map((one) => (
              <option key={one} value={one}>
                {levelNames[one]}
              </option>
            ))}
          </select>
        </div>
        <button type="button" className="details-action" onClick={onCopyLink}>
          <Icon name="link" size={16} /> Copy the room’s address
        </button>
      </section>
      <section className="details-section" aria-labelledby={`${id}-people`}>
        <h3 id={`${id}-people`}>Here now · {snapshot.onlineCount.toLocaleString()}</h3>
        <People online={snapshot.online} count={snapshot.onlineCount} myId={me?.id} stale={stale} />
      </section>
    </div>
  );
}
