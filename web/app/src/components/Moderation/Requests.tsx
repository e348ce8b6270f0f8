import type { Room } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useCallback } from "react";
import { useLoaded } from "../../hooks/use-loaded.js";
import { shortTime } from "../../model/times.js";
import { Listing } from "./Listing.js";

/** Who asks to become a member of a private room. */
export function Requests({ room }: { readonly room: Room }) {
  const loaded = useLoaded(useCallback(() => room.members.listRequests(), [room]));
  const { joinRequests } = useSnapshot(room);
  const empty = joinRequests
    ? "Nobody asks to become a member."
    : "This room takes no requests. An owner can change that in its settings.";
  return (
    <Listing loaded={loaded} empty={empty} keyOf={({ user }) => user.id}>
      {({ user, note, since }, run) => (
        <>
          <div className="moderation-what">
            <bdi className="moderation-name">{user.name}</bdi>
            <p>{shortTime(since)}</p>
            {note !== "" && <p dir="auto">“{note}”</p>}
          </div>
          <button type="button" className="button" onClick={() => run(room.members.answerRequest(user.id, true))}>
            Let in
          </button>
          <button
            type="button"
            className="button"
            data-kind="danger"
            onClick={() => run(room.members.answerRequest(user.id, false))}
          >
            Decline
          </button>
        </>
      )}
    </Listing>
  );
}
