import type { Room, RoomSnapshot, User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useEffect, useState } from "react";
import { useEmojis } from "../../hooks/use-emojis.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Later } from "../Later/Later.js";
import { PersonDialog } from "../Later/parts.js";
import { PersonName } from "../PersonName/PersonName.js";
import { PersonEmoji } from "./PersonEmoji.js";
import "./members.css";

interface Props {
  readonly room: Room;
  readonly snapshot: RoomSnapshot;
  readonly me: User | undefined;
  /** Whether this is how it was when the connection broke. */
  readonly stale: boolean;
}

/** Who is here, and who belongs to the room; each with what one may do about them. */
export function Members({ room, snapshot, me, stale }: Props) {
  const { members, hasMore, loading, error } = useSnapshot(room.members);
  const [chosen, setChosen] = useState<User>();
  // A room has no members before its first message makes it.
  const live = snapshot.status === "live" && (snapshot.headSeq > 0 || snapshot.memberCount > 0);
  useEffect(() => {
    if (live) {
      void room.members.load();
    }
  }, [room, live]);
  const { online, onlineCount } = snapshot;
  const here = new Set(online.map(({ id }) => id));
  const roleOf = new Map(members.map(({ user, role }) => [user.id, role]));
  const away = members.filter(({ user }) => !here.has(user.id));
  const { client } = useSession();
  const emojis = useEmojis(client, [...here, ...away.map(({ user }) => user.id)], snapshot.status === "live");
  const row = (user: User, present: boolean) => (
    <Person
      key={user.id}
      user={user}
      me={user.id === me?.id}
      present={present && !stale}
      role={roleOf.get(user.id)}
      emoji={emojis.get(user.id)}
      onOpen={() => setChosen(user)}
    />
  );
  return (
    <>
      <section className="details-section" aria-label="Here now">
        <h3>Here now · {onlineCount.toLocaleString()}</h3>
        {online.length > 0 ? (
          <ul className="people" data-stale={stale || undefined}>
            {online.map((user) => row(user, true))}
          </ul>
        ) : (
          <p className="people-note">
            {onlineCount === 0
              ? "Nobody is here."
              : `${onlineCount.toLocaleString()} people are here, too many to name.`}
          </p>
        )}
      </section>
      {away.length > 0 && (
        <section className="details-section" aria-label="Members elsewhere">
          <h3>Members elsewhere · {Math.max(away.length, snapshot.memberCount - here.size).toLocaleString()}</h3>
          <ul className="people">{away.map(({ user }) => row(user, false))}</ul>
          {hasMore && (
            <button type="button" className="text-button" disabled={loading} onClick={() => void room.members.load()}>
              {loading ? "Loading…" : "More members"}
            </button>
          )}
        </section>
      )}
      {error !== undefined && <p className="details-note">The members could not be loaded. {problem(error)}</p>}
      <Later>
        {chosen !== undefined && (
          <PersonDialog room={room} user={chosen} myId={me?.id} onClose={() => setChosen(undefined)} />
        )}
      </Later>
    </>
  );
}

interface PersonProps {
  readonly user: User;
  readonly me: boolean;
  readonly present: boolean;
  readonly role: string | undefined;
  readonly emoji: string | undefined;
  readonly onOpen: () => void;
}

function Person({ user, me, present, role, emoji, onOpen }: PersonProps) {
  return (
    <li>
      <button type="button" className="person" onClick={onOpen}>
        <span className="person-avatar">
          <Avatar user={user} small />
          {present && <span className="person-dot" />}
        </span>
        <PersonName user={user} me={me} />
        <PersonEmoji emoji={emoji} />
        {role !== undefined && role !== "member" && role !== "guest" && <span className="person-role">{role}</span>}
      </button>
    </li>
  );
}
