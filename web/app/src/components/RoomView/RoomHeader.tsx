import type { RoomSnapshot } from "@rialto/chat";
import { navigate } from "../../hooks/use-route.js";
import { idSaysMore } from "../../model/room-name.js";
import { Icon } from "../Icon/Icon.js";

interface Props {
  readonly snapshot: RoomSnapshot;
  readonly name: string;
  /** Shows who is here, and what else is to be known; undefined where that is to be seen anyway. */
  readonly onDetails: (() => void) | undefined;
}

/** What the room is called; on small screens the way back and to the people. */
export function RoomHeader({ snapshot, name, onDetails }: Props) {
  const { id, topic, onlineCount } = snapshot;
  return (
    <header className="room-header">
      <button
        type="button"
        className="icon-button room-back"
        onClick={() => navigate({ page: "rooms" })}
        aria-label="All rooms"
      >
        <Icon name="back" />
      </button>
      <div className="room-names">
        <h1>
          <bdi>{name}</bdi>
        </h1>
        {idSaysMore(snapshot) && <span className="room-id">#{id}</span>}
        {topic !== "" && (
          <bdi className="room-topic" title={topic}>
            {topic.replace(/\s+/g, " ")}
          </bdi>
        )}
      </div>
      {onDetails !== undefined && (
        <button
          type="button"
          className="room-people"
          onClick={onDetails}
          aria-label={`Who is here: ${onlineCount.toLocaleString()}`}
        >
          <Icon name="people" />
          {onlineCount.toLocaleString()}
        </button>
      )}
    </header>
  );
}
