import { type ReactNode, type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { problem } from "../../model/problem.js";
import type { Stretch } from "./stretch.js";

interface Props {
  readonly stretch: Stretch;
  /** What the room is called. */
  readonly name: string;
  /** The element that scrolls. */
  readonly view: RefObject<HTMLElement | null>;
}

/** How far beyond the view messages are fetched. */
const ahead = "800px 0px 800px 0px";

/** What stands above the oldest message: the beginning of the room, or the way to older messages. */
export function History({ stretch, name, view }: Props) {
  const { hasOlder, known, loading, loadOlder, messages } = stretch;
  const { mark, failure } = useNearness(view, hasOlder && !loading, loadOlder);
  return (
    <div ref={mark} className="history">
      {known === false && failure === undefined && <p>Loading messages…</p>}
      {known && !hasOlder && <Beginning name={name} first={messages[0]?.seq} />}
      {known && hasOlder && failure === undefined && <p aria-hidden="true">Loading older messages…</p>}
      {failure && <p role="alert">Older messages could not be loaded. {failure}</p>}
    </div>
  );
}

/** What stands below the newest message of a stretch in the past: the way on. */
export function Newer({ stretch, view }: Pick<Props, "stretch" | "view">) {
  const { hasNewer, loading, loadNewer, messages } = stretch;
  const { mark, failure } = useNearness(view, hasNewer && !loading && messages.length > 0, loadNewer);
  return (
    <div ref={mark} className="newer">
      {failure ? (
        <p role="alert">Newer messages could not be loaded. {failure}</p>
      ) : (
        <p aria-hidden="true">Loading newer messages…</p>
      )}
    </div>
  );
}

/** Loads what comes next whenever `mark` is near to what is in sight, while there is more. */
function useNearness(view: RefObject<HTMLElement | null>, more: boolean, load: () => Promise<void>) {
  const mark = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<string>();
  const run = useCallback(() => {
    setError(undefined);
    load().catch((error: unknown) => setError(problem(error)));
  }, [load]);
  const waiting = more && error === undefined;
  useEffect(() => {
    if (!waiting || mark.current === null) {
      return;
    }
    // A new observer each time: it reports at once if the mark is still in sight after a short page.
    const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && run(), {
      root: view.current,
      rootMargin: ahead,
    });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [waiting, run, view]);
  const failure: ReactNode = error && (
    <>
      {error}{" "}
      <button type="button" className="text-button" onClick={run}>
        Try again
      </button>
    </>
  );
  return { mark, failure };
}

function Beginning({ name, first }: { readonly name: string; readonly first: number | undefined }) {
  if (first !== undefined && first > 1) {
    return <p>What was said before this is no longer kept.</p>;
  }
  return (
    <div className="beginning">
      <p className="beginning-title">
        {name.startsWith("#") ? "Beginning of" : "Beginning of your conversation with"} <bdi>{name}</bdi>
      </p>
      <p>{first === undefined ? "Nobody said anything yet. What news?" : "This is where it all started."}</p>
    </div>
  );
}
