import type { Invitation } from "@rialto/chat";
import { useState } from "react";
import { navigate } from "../../hooks/use-route.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import "./invitations.css";

/** Rooms that somebody asks this user into: come in, or decline. */
export function Invitations({ invitations }: { readonly invitations: readonly Invitation[] }) {
  const { client } = useSession();
  const [failure, setFailure] = useState<string>();
  const accept = async (room: string) => {
    await client.room(room).members.add();
    navigate({ page: "room", room });
  };
  const run = (work: Promise<void>) => {
    setFailure(undefined);
    work.catch((error: unknown) => setFailure(problem(error)));
  };
  return (
    <section className="invitations" aria-label="Invitations">
      <ul>
        {invitations.map(({ room, invitedBy }) => (
          <li key={room.id} className="invitation">
            <p>
              <bdi className="invitation-name">{invitedBy.name}</bdi> invites you to{" "}
              <bdi className="invitation-name">{room.title === "" ? room.id : room.title}</bdi>
            </p>
            <button type="button" className="text-button" onClick={() => run(accept(room.id))}>
              Come in
            </button>
            <button
              type="button"
              className="text-button"
              data-kind="danger"
              onClick={() => run(client.room(room.id).members.removeInvitation())}
            >
              Decline
            </button>
          </li>
        ))}
      </ul>
      {failure !== undefined && (
        <p className="field-error" role="alert">
          {failure}
        </p>
      )}
    </section>
  );
}
