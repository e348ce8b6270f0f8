import type { RoomReset } from "@rialto/chat";
import { useEffect } from "react";

const words: Readonly<Record<RoomReset["reason"], string>> = {
  "far-behind": "You were away for long. The newest messages are here; what lies between is loaded as you read back.",
  restored: "The server was restored from a copy: messages that were here a moment ago may be gone.",
};

/** Resets that were told, so that each is told once, wherever one is by then. */
const told = new WeakSet<RoomReset>();

/** Says why the room began anew, when it did. */
export function useResetNotice(reset: RoomReset | undefined, onNotice: (notice: string) => void): void {
  useEffect(() => {
    if (reset !== undefined && !told.has(reset)) {
      told.add(reset);
      onNotice(words[reset.reason]);
    }
  }, [reset, onNotice]);
}
