import type { ChatError, Room } from "@rialto/chat";
import { useState } from "react";
import { problem } from "../../model/problem.js";

/** Says why a room cannot be joined. Of one that is not to be seen one can ask to become a member. */
export function Refused({ room, error }: { readonly room: Room; readonly error: ChatError }) {
  const [answer, setAnswer] = useState<string>();
  const ask = () => {
    room.members.request().then(
      () => setAnswer("If there is such a room and it takes requests, its moderators see yours now."),
      (error: unknown) => setAnswer(problem(error)),
    );
  };
  return (
    <div className="notice" data-kind="problem" role="alert">
      <p>This room cannot be joined. {problem(error)}</p>
      {answer !== undefined && <p>{answer}</p>}
      {error.code === "NOT_FOUND" && answer === undefined && (
        <button type="button" className="text-button" onClick={ask}>
          Ask to become a member
        </button>
      )}
    </div>
  );
}
