import { memo } from "react";
import { useNow } from "../../hooks/use-now.js";
import { navigate } from "../../hooks/use-route.js";
import type { DirectoryEntry, DirectorySnapshot } from "../../model/directory.js";
import { notifyLevel, type Preferences } from "../../model/preferences.js";
import { routePath } from "../../model/route.js";
import { shortAgo } from "../../model/times.js";
import { Icon } from "../Icon/Icon.js";
import "./room-list.css";

interface Props {
  readonly directory: DirectorySnapshot;
  /** The room that is open. */
  readonly current: string | undefined;
  readonly preferences: Preferences;
}

/** All rooms, the busiest first. */
export function RoomList({ directory, current, preferences }: Props) {
  const now = useNow(30_000);
  const { rooms, loaded, error } = directory;
  return (
    <>
      <ul className="room-list">
        {rooms.map((room) => (
          <RoomLink
            key={room.id}
            room={room}
            current={room.id === current}
            muted={notifyLevel(preferences, room.id) === "none"}
            when={room.activity === undefined ? "" : shortAgo(room.activity, now)}
          />
        ))}
      </ul>
      {rooms.length === 0 && <p className="room-list-note">{loaded ? "No rooms yet." : "Loading rooms…"}</p>}
      {error !== undefined && (
        <p className="room-list-note" role="status">
          {error} This list may be out of date.
        </p>
      )}
    </>
  );
}

interface RoomLinkProps {
  readonly room: DirectoryEntry;
  readonly current: boolean;
  /** Whether the person wants to hear nothing of it. */
  readonly muted: boolean;
  readonly when: string;
}

const RoomLink = memo(function RoomLink({ room, current, muted, when }: RoomLinkProps) {
  const unread = current ? 0 : room.unread;
  return (
    <li>
      <a
        className="room-link"
        href={routePath({ page: "room", room: room.id })}
        aria-current={current ? "page" : undefined}
        data-unread={(unread > 0 && !muted) || undefined}
        data-muted={muted || undefined}
        onClick={(event) => {
          if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
            event.preventDefault();
            navigate({ page: "room", room: room.id });
          }
        }}
      >
        <span className="room-link-hash" aria-hidden="true">
          {room.kind === "private" ? <Icon name="lock" size={13} /> : "#"}
        </span>
        {room.kind === "private" && <span className="unseen">Private room </span>}
        <bdi className="room-link-name">{room.name}</bdi>
        {unread > 0 && room.mentions > 0 && (
          <span className="badge badge-mention">
            @<span className="unseen"> mentions you</span>
          </span>
        )}
        {unread > 0 ? (
          <span className="badge">
            {unread > 99 ? "99+" : unread}
            <span className="unseen"> unread</span>
          </span>
        ) : (
          <span className="room-link-when">{when}</span>
        )}
      </a>
    </li>
  );
});
