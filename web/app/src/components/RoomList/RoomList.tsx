import type { RoomKind } from "@rialto/chat";
import { Fragment, memo } from "react";
import { useNow } from "../../hooks/use-now.js";
import { navigate } from "../../hooks/use-route.js";
import type { DirectoryEntry, DirectorySnapshot } from "../../model/directory.js";
import { notifyLevel, type Preferences } from "../../model/preferences.js";
import { routePath } from "../../model/route.js";
import { shortAgo } from "../../model/times.js";
import { Icon, type IconName } from "../Icon/Icon.js";
import "./room-list.css";

interface Props {
  readonly directory: DirectorySnapshot;
  /** The room that is open. */
  readonly current: string | undefined;
  readonly preferences: Preferences;
}

/** The rooms that one belongs to, direct ones apart, and the others, the busiest first. */
export function RoomList({ directory, current, preferences }: Props) {
  const now = useNow(30_000);
  const { rooms, loaded, error } = directory;
  const listOf = (some: readonly DirectoryEntry[]) => (
    <ul className="room-list">
      {some.map((room) => (
        <RoomLink
          key={room.id}
          room={room}
          current={room.id === current}
          muted={notifyLevel(preferences, room.id) === "none"}
          when={room.activity === undefined ? "" : shortAgo(room.activity, now)}
        />
      ))}
    </ul>
  );
  const groups = [
    ["Your rooms", rooms.filter((room) => room.mine && room.kind !== "direct")],
    ["Direct messages", rooms.filter((room) => room.mine && room.kind === "direct")],
    ["Public rooms", rooms.filter((room) => !room.mine)],
  ] as const;
  const shown = groups.filter(([, some]) => some.length > 0);
  return (
    <>
      {shown.map(([name, some]) => (
        <Fragment key={name}>
          {shown.length > 1 && <h2 className="room-list-heading">{name}</h2>}
          {listOf(some)}
        </Fragment>
      ))}
      {rooms.length === 0 && <p className="room-list-note">{loaded ? "No rooms yet." : "Loading rooms…"}</p>}
      {error !== undefined && (
        <p className="room-list-note" role="status">
          {error} This list may be out of date.
        </p>
      )}
    </>
  );
}

const kindIcons: Readonly<Record<RoomKind, IconName | undefined>> = {
  public: undefined,
  private: "lock",
  direct: "people",
};

const kindNames = { private: "Private room", direct: "Direct messages" } as const;

function countOf(count: number): string {
  return count > 99 ? "99+" : String(count);
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
  const icon = kindIcons[room.kind];
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
          {icon === undefined ? "#" : <Icon name={icon} size={13} />}
        </span>
        {room.kind !== "public" && <span className="unseen">{kindNames[room.kind]} </span>}
        <bdi className="room-link-name">{room.name}</bdi>
        {room.requests > 0 && (
          <span className="badge badge-request" title="Who asks to come in">
            {countOf(room.requests)}?<span className="unseen"> ask to come in</span>
          </span>
        )}
        {unread > 0 && room.mentions > 0 && (
          <span className="badge badge-mention">
            @{room.mentions > 1 && countOf(room.mentions)}
            <span className="unseen"> mentions you</span>
          </span>
        )}
        {unread > 0 ? (
          <span className="badge">
            {countOf(unread)}
            <span className="unseen"> unread</span>
          </span>
        ) : (
          <span className="room-link-when">{when}</span>
        )}
      </a>
    </li>
  );
});
