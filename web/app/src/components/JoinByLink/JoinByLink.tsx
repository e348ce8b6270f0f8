import { useEffect, useRef, useState } from "react";
import { navigate } from "../../hooks/use-route.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import { NowhereWords } from "../Nowhere/NowhereWords.js";

/** Becomes a member by the invitation link that was opened, and goes to its room. */
export function JoinByLink({ live }: { readonly live: boolean }) {
  const { client } = useSession();
  const [failure, setFailure] = useState<string>();
  const asked = useRef(false);
  useEffect(() => {
    if (!live || asked.current) {
      return;
    }
    asked.current = true;
    // Behind the #, so that it is in no server's log.
    const token = location.hash.slice(1);
    client.acceptLink(token).then(
      (room) => navigate({ page: "room", room }, true),
      (error: unknown) => setFailure(problem(error)),
    );
  }, [client, live]);
  return failure === undefined ? (
    <h1 role="status">Coming in…</h1>
  ) : (
    <NowhereWords title="This invitation does not let you in">{failure}</NowhereWords>
  );
}
