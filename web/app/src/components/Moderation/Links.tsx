import type { Link, Room } from "@rialto/chat";
import { useCallback, useState } from "react";
import { useLoaded } from "../../hooks/use-loaded.js";
import { copyText } from "../../hooks/use-message-actions.js";
import { problem } from "../../model/problem.js";
import { joinAddress } from "../../model/route.js";
import { shortTime } from "../../model/times.js";
import { Listing } from "./Listing.js";

const dayMs = 86_400_000;

const lives: readonly (readonly [days: number, name: string])[] = [
  [1, "a day"],
  [7, "a week"],
  [0, "as long as it is not removed"],
];

/** Addresses that let whoever opens them become a member. */
export function Links({ room }: { readonly room: Room }) {
  const loaded = useLoaded(useCallback(() => room.members.listLinks(), [room]));
  const [days, setDays] = useState(7);
  const [made, setMade] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const make = () => {
    setFailure(undefined);
    room.members.createLink(days === 0 ? {} : { durationMs: days * dayMs }).then(
      (token) => {
        setMade(joinAddress(token));
        loaded.reload();
      },
      (error: unknown) => setFailure(problem(error)),
    );
  };
  return (
    <>
      <div className="moderation-make">
        <label>
          Valid for{" "}
          <select value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {lives.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button" data-kind="primary" onClick={make}>
          Make a link
        </button>
      </div>
      {made !== undefined && <Made address={made} />}
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
      <Listing loaded={loaded} empty="There are no links." keyOf={({ id }) => id}>
        {(link, run) => (
          <>
            <div className="moderation-what">
              <p>
                By <bdi className="moderation-name">{link.creator.name}</bdi>, {shortTime(link.since)}
              </p>
              <p>{describe(link)}</p>
            </div>
            <button
              type="button"
              className="button"
              data-kind="danger"
              onClick={() => run(room.members.removeLink(link.id))}
            >
              Remove
            </button>
          </>
        )}
      </Listing>
    </>
  );
}

/** A new link, which is shown only this once. */
function Made({ address }: { readonly address: string }) {
  const [said, setSaid] = useState("Copy it now: it is not shown again.");
  return (
    <div className="moderation-made">
      <input aria-label="The new link" readOnly value={address} onFocus={(event) => event.target.select()} />
      <button
        type="button"
        className="button"
        onClick={() =>
          copyText(address).then((copied) => setSaid(copied ? "It is in the clipboard." : "Please copy it by hand."))
        }
      >
        Copy
      </button>
      <p role="status">{said}</p>
    </div>
  );
}

function describe({ end, maxUses, uses }: Link): string {
  const used = `used ${uses === 1 ? "once" : `${uses.toLocaleString()} times`}`;
  const most = maxUses === 0 ? "" : ` of ${maxUses.toLocaleString()}`;
  return `${used}${most}, ${end === undefined ? "without end" : `until ${shortTime(end)}`}`;
}
