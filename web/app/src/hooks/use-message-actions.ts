import type { ChatMessage, Room } from "@rialto/chat";
import { useMemo } from "react";
import type { MessageActions } from "../components/Message/Message.js";
import { peopleOf } from "../model/person.js";
import { problem } from "../model/problem.js";
import { routePath } from "../model/route.js";
import { navigate } from "./use-route.js";

/** All of these must stay the same functions. */
interface Callbacks {
  /** Which message is open for editing now. */
  readonly onEditing: (seq: number | undefined) => void;
  /** The change of a message is saved: it is not open for editing any more. */
  readonly onEdited: (seq: number) => void;
  readonly onReply: (message: ChatMessage) => void;
  readonly onThread: (seq: number) => void;
  readonly onPickEmoji: (message: ChatMessage) => void;
  /** What to tell the person: what was refused, or what was done and cannot be seen. */
  readonly onNotice: (notice: string) => void;
}

/** Returns what can be done with the messages of a room, the same object for as long as it is the same room. */
export function useMessageActions(room: Room, callbacks: Callbacks): MessageActions {
  const { onEditing, onEdited, onReply, onThread, onPickEmoji, onNotice } = callbacks;
  return useMemo(() => {
    const or = (what: string) => (error: unknown) => onNotice(`${what} ${problem(error)}`);
    const editorDrafts = new Map<number, string>();
    return {
      editorDrafts,
      react: (message, emoji, on) => {
        const done = on ? room.addReaction(message.seq, emoji) : room.removeReaction(message.seq, emoji);
        done.catch(or("Your reaction was not saved."));
      },
      startEdit: (message) => {
        editorDrafts.clear();
        onEditing(message?.seq);
      },
      edit: (message, text, mentions) => {
        // The editor stays open with the text until the server has it.
        const done = room.edit(message.seq, text, { mentions });
        done.then(() => onEdited(message.seq), or("Your change was not saved."));
      },
      remove: (message) => {
        room.remove(message.seq).catch(or("The message was not deleted."));
      },
      reply: onReply,
      openThread: onThread,
      pickEmoji: onPickEmoji,
      goTo: (seq) => navigate({ page: "room", room: room.id, seq }),
      copyLink: ({ seq }) => {
        copyLink({ page: "room", room: room.id, seq }, onNotice);
      },
      nameOf: (userId) => nameIn(room, userId),
      people: () => peopleOf(room.getSnapshot()),
    };
  }, [room, onEditing, onEdited, onReply, onThread, onPickEmoji, onNotice]);
}

/** Copies the address of a room or message. Where a page may not write to the clipboard it says the address. */
export function copyLink(route: Parameters<typeof routePath>[0], onNotice: (notice: string) => void): void {
  const address = location.origin + routePath(route);
  copyText(address).then((copied) =>
    onNotice(copied ? "The address is in the clipboard." : `The address is ${address}`),
  );
}

/** Copies a text. Resolves with whether the page may do so. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Looks for a user among those who are here, those who spoke and the members. */
function nameIn(room: Room, userId: string): string | undefined {
  const { online, messages } = room.getSnapshot();
  return (
    online.find((user) => user.id === userId)?.name ??
    messages.findLast((message) => message.sender.id === userId)?.sender.name ??
    room.members.getSnapshot().members.find(({ user }) => user.id === userId)?.user.name
  );
}
