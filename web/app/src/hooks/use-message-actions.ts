import type { Room, RoomSnapshot } from "@rialto/chat";
import { useMemo } from "react";
import type { MessageActions } from "../components/Message/Message.js";
import { problem } from "../model/problem.js";

interface Callbacks {
  /** Which message is open for editing now. Must stay the same function. */
  readonly onEditing: (seq: number | undefined) => void;
  /** What to tell the person when something was refused. Must stay the same function. */
  readonly onFailure: (notice: string) => void;
}

/** Returns what can be done with the messages of a room, the same object for as long as it is the same room. */
export function useMessageActions(room: Room, { onEditing, onFailure }: Callbacks): MessageActions {
  return useMemo(() => {
    const or = (what: string) => (error: unknown) => onFailure(`${what} ${problem(error)}`);
    return {
      react: (message, emoji, on) => {
        const done = on ? room.addReaction(message.seq, emoji) : room.removeReaction(message.seq, emoji);
        done.catch(or("Your reaction was not saved."));
      },
      startEdit: (message) => onEditing(message?.seq),
      edit: (message, text) => {
        // The editor stays open with the text until the server has it.
        room.edit(message.seq, text).then(() => onEditing(undefined), or("Your change was not saved."));
      },
      remove: (message) => {
        room.remove(message.seq).catch(or("The message was not deleted."));
      },
      nameOf: (userId) => nameIn(room.getSnapshot(), userId),
    };
  }, [room, onEditing, onFailure]);
}

/** Looks for a user among those who are here and those who spoke. */
function nameIn({ online, messages }: RoomSnapshot, userId: string): string | undefined {
  return (
    online.find((user) => user.id === userId)?.name ??
    messages.findLast((message) => message.sender.id === userId)?.sender.name
  );
}
