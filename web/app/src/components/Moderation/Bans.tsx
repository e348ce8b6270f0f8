import type { Ban, Room } from "@rialto/chat";
import { useCallback } from "react";
import { useLoaded } from "../../hooks/use-loaded.js";
import { shortTime } from "../../model/times.js";
import { Listing } from "./Listing.js";

/** Who may not come in, by whom and why, and the way to let them in again. */
export function Bans({ room }: { readonly room: Room }) {
  const loaded = useLoaded(useCallback(() => room.members.listBans(), [room]));
  return (
    <Listing loaded={loaded} empty="Nobody is banned from this room." keyOf={({ user }) => user.id}>
      {(ban, run) => (
        <>
          <div className="moderation-what">
            <bdi className="moderation-name">{ban.user.name === "" ? ban.user.id : ban.user.name}</bdi>
            <p>
              by <bdi>{ban.bannedBy.name}</bdi>, {shortTime(ban.since)}, {until(ban)}
            </p>
            {ban.reason !== "" && <p dir="auto">“{ban.reason}”</p>}
          </div>
          <button type="button" className="button" onClick={() => run(room.members.unban(ban.user.id))}>
            Let in again
          </button>
        </>
      )}
    </Listing>
  );
}

function until({ end }: Ban): string {
  return end === undefined ? "for good" : `until ${shortTime(end)}`;
}
