import type { Room, RoomSnapshot } from "@rialto/chat";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { problem } from "../../model/problem.js";

interface Props {
  readonly room: Room;
  readonly snapshot: RoomSnapshot;
  /** The element that scrolls. */
  readonly view: RefObject<HTMLElement | null>;
}

/** How far above the view older messages are fetched. */
const ahead = "800px 0px 0px 0px";

/** What stands above the oldest message: the beginning of the room, or the way to older messages. */
export function History({ room, snapshot, view }: Props) {
  const { hasOlder, loadingOlder, status, messages } = snapshot;
  const mark = useRef<HTMLDivElement>(null);
  const [failure, setFailure] = useState<string>();
  const load = useCallback(() => {
    setFailure(undefined);
    room.loadOlder().catch((error: unknown) => setFailure(problem(error)));
  }, [room]);

  const waiting = hasOlder && !loadingOlder && failure === undefined;
  useEffect(() => {
    if (!waiting || mark.current === null) {
      return;
    }
    // A new observer each time: it reports at once if the mark is still in sight after a short page.
    const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && load(), {
      root: view.current,
      rootMargin: ahead,
    });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [waiting, load, view]);

  const known = status === "live" || status === "catching-up" || messages.length > 0;
  return (
    <div ref={mark} className="history">
      {!known && <p>Loading messages…</p>}
      {known && !hasOlder && <Beginning name={snapshot.id} empty={messages.length === 0} />}
      {known && hasOlder && failure === undefined && <p aria-hidden="true">Loading older messages…</p>}
      {failure !== undefined && (
        <p role="alert">
          Older messages could not be loaded. {failure}{" "}
          <button type="button" className="text-button" onClick={load}>
            Try again
          </button>
        </p>
      )}
    </div>
  );
}

function Beginning({ name, empty }: { readonly name: string; readonly empty: boolean }) {
  return (
    <div className="beginning">
      <p className="beginning-title">
        Beginning of <bdi>#{name}</bdi>
      </p>
      <p>{empty ? "Nobody said anything yet. What news?" : "This is where it all started."}</p>
    </div>
  );
}
