import type { ChatClient } from "@rialto/chat";
import { useEffect, useRef, useState } from "react";

/** An event of the window: this user changed their own profile. */
export const profileChanged = "rialto:profile-changed";

/** How long after somebody came they are asked for, in ms: together with who comes meanwhile. */
const patience = 1000;

/** For how many the server is asked at once; it takes no more. */
const most = 100;

/**
 * Returns the emojis that people show, by id, as far as they are known. Nobody is told of what others change: that is as it was when
 * it was asked for. Asks while there is a connection.
 */
export function useEmojis(client: ChatClient, ids: readonly string[], live: boolean): ReadonlyMap<string, string> {
  const [known, setKnown] = useState<ReadonlyMap<string, string>>(new Map());
  const isFirst = known.size === 0;
  const missing = live ? ids.filter((id) => !known.has(id)).slice(0, most) : [];
  const wanted = missing.join("\n");
  /** Those of now, when the timer is over. */
  const newest = useRef(wanted);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    newest.current = wanted;
    if (wanted === "") {
      return;
    }
    const ask = async () => {
      timer.current = undefined;
      if (newest.current === "") {
        return;
      }
      try {
        const profiles = await client.getProfiles(newest.current.split("\n"));
        setKnown((before) => new Map([...before, ...profiles.map(({ userId, emoji }) => [userId, emoji] as const)]));
      } catch {
        // They are not that important.
      }
    };
    timer.current ??= setTimeout(() => void ask(), isFirst ? 0 : patience);
  }, [client, wanted, isFirst]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  useEffect(() => {
    const forget = () => setKnown(new Map());
    addEventListener(profileChanged, forget);
    return () => removeEventListener(profileChanged, forget);
  }, []);
  return known;
}
