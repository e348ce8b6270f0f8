import { useSnapshot } from "@rialto/chat/react";
import { useEffect, useState } from "react";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";

/** Whom this user has blocked, and the way to hear them again. */
export function Blocked() {
  const { client, blocked } = useSession();
  const people = useSnapshot(blocked);
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    // Of whom another device has blocked this browser knows no name, and perhaps nobody does.
    const unknown = [...people].filter(([, name]) => name === "").map(([id]) => id);
    if (unknown.length > 0) {
      client.getProfiles(unknown.slice(0, mostNames)).then(
        (profiles) => setNames(new Map(profiles.map(({ userId, displayName }) => [userId, displayName]))),
        () => undefined, // Their ids are shown.
      );
    }
  }, [client, people]);
  const unblock = (id: string) => {
    setFailure(undefined);
    blocked.unblock(id).catch((error: unknown) => setFailure(problem(error)));
  };
  return (
    <section className="settings-group" aria-labelledby="settings-blocked">
      <h3 id="settings-blocked" className="settings-heading">
        Blocked people
      </h3>
      {people.size === 0 && <p className="field-hint">Nobody. To block somebody, choose them in a room.</p>}
      <ul className="settings-people">
        {[...people].map(([id, name]) => (
          <li key={id}>
            <bdi>{name || names.get(id) || id}</bdi>
            <button type="button" className="button" onClick={() => unblock(id)}>
              Unblock<span className="unseen"> {name || names.get(id) || id}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
    </section>
  );
}

/** How many names are asked for: what one call brings. */
const mostNames = 100;
