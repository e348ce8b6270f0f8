import type { ChatClient, Room, User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useMemo, useState } from "react";
import { matchRank } from "../../model/match.js";
import { peopleOf } from "../../model/person.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Dialog } from "../Dialog/Dialog.js";
import { PersonName } from "../PersonName/PersonName.js";
import "./invite-people.css";

interface Props {
  readonly room: Room;
  readonly myId: string | undefined;
  readonly onClose: () => void;
}

/** How many people are shown. */
const most = 50;

/** Invites people who were met in other rooms. The server shows no list of all who have ever been there. */
export function InvitePeople({ room, myId, onClose }: Props) {
  const { client, directory } = useSession();
  const { rooms } = useSnapshot(directory);
  const { members } = useSnapshot(room.members);
  const [typed, setTyped] = useState("");
  const [invited, setInvited] = useState<ReadonlySet<string>>(new Set());
  const [failure, setFailure] = useState<string>();
  const known = useMemo(() => met(client, [room.id, ...rooms.map(({ id }) => id)]), [client, room, rooms]);
  const inside = new Set(members.map(({ user }) => user.id));
  const people = known
    .filter(({ id, name }) => id !== myId && !inside.has(id) && matchRank(name, typed) !== undefined)
    .slice(0, most);
  const invite = ({ id }: User) => {
    setFailure(undefined);
    room.members.invite(id).then(
      () => setInvited((before) => new Set(before).add(id)),
      (error: unknown) => setFailure(problem(error)),
    );
  };
  return (
    <Dialog title="Invite people" onClose={onClose}>
      <div className="field">
        <input
          aria-label="Find somebody"
          placeholder="A few letters of a name"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      <ul className="invite-people">
        {people.map((user) => (
          <li key={user.id}>
            <Avatar user={user} small />
            <PersonName user={user} me={false} />
            {invited.has(user.id) ? (
              <span className="invite-done" role="status">
                Invited
              </span>
            ) : (
              <button type="button" className="button" onClick={() => invite(user)}>
                Invite<span className="unseen"> {user.name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {people.length === 0 && (
        <p className="field-hint">
          {typed === ""
            ? "Here are the people whom you meet in rooms that you open."
            : "Nobody of this name was met in the rooms that you opened."}
        </p>
      )}
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
    </Dialog>
  );
}

/** Who was seen in these rooms since the page was opened: who is there, and who spoke; each once. */
function met(client: ChatClient, rooms: readonly string[]): User[] {
  const people = rooms.flatMap((id) => peopleOf(client.room(id).getSnapshot()));
  return [...new Map(people.map((user) => [user.id, user])).values()];
}
