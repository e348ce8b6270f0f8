import type { Room } from "@rialto/chat";
import { useState } from "react";
import { navigate } from "../../hooks/use-route.js";
import { problem } from "../../model/problem.js";

interface Props {
  readonly room: Room;
  readonly onDeleted: () => void;
}

/** Deletes a room, after a question. */
export function DeleteRoom({ room, onDeleted }: Props) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const remove = () => {
    setBusy(true);
    room.delete().then(
      () => {
        onDeleted();
        navigate({ page: "room", room: "lobby" });
      },
      (error: unknown) => {
        setFailure(problem(error));
        setBusy(false);
      },
    );
  };
  return (
    <section className="delete-room" aria-label="Delete the room">
      {asking ? (
        <>
          <p>All that was said in it goes with it, for everybody and for good. Its id is never used again.</p>
          <div className="dialog-actions">
            <button type="button" className="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
            <button type="button" className="button" data-kind="danger" disabled={busy} onClick={remove}>
              Delete for good
            </button>
          </div>
        </>
      ) : (
        <button type="button" className="button" data-kind="danger" onClick={() => setAsking(true)}>
          Delete the room…
        </button>
      )}
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
    </section>
  );
}
