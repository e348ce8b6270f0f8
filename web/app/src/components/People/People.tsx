import type { User } from "@rialto/chat";
import { Avatar } from "../Avatar/Avatar.js";
import { PersonName } from "../PersonName/PersonName.js";
import "./people.css";

interface Props {
  readonly online: readonly User[];
  readonly count: number;
  readonly myId: string | undefined;
  /** Whether this is how it was when the connection broke. */
  readonly stale: boolean;
}

/** Who is here. In a crowd only how many. */
export function People({ online, count, myId, stale }: Props) {
  if (online.length === 0) {
    return (
      <p className="people-note">
        {count === 0 ? "Nobody is here." : `${count.toLocaleString()} people are here, too many to name.`}
      </p>
    );
  }
  return (
    <ul className="people" data-stale={stale || undefined}>
      {online.map((user) => (
        <li key={user.id} className="person">
          <span className="person-avatar">
            <Avatar user={user} small />
            <span className="person-dot" />
          </span>
          <PersonName user={user} me={user.id === myId} />
        </li>
      ))}
    </ul>
  );
}
