import { isMuted, type Member } from "@rialto/chat";
import { useEffect, useState } from "react";

/** The longest a timer waits, in ms. */
const longestTimer = 2 ** 31 - 1;

/** Returns whether somebody is muted. Nothing tells of the end of a mute for a time, so it is drawn again by then. */
export function useMuted(member: Member | undefined): boolean {
  const [round, setRound] = useState(0);
  const muted = isMuted(member);
  const end = member?.muteEnd?.getTime();
  // In another round, as a timer may be too early or not wait long enough.
  useEffect(() => {
    if (!muted || end === undefined) {
      return;
    }
    const timer = setTimeout(() => setRound(round + 1), Math.min(Math.max(0, end - Date.now()), longestTimer));
    return () => clearTimeout(timer);
  }, [muted, end, round]);
  return muted;
}
