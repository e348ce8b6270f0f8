import type { ChatClient } from "@rialto/chat";
import { useEffect, useState } from "react";

/** An event of the window: this user changed their own profile. */
export const profileChanged = "rialto:profile-changed";

/** How long to wait for more who come, in ms, so that they are asked for together. */
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
  const missing = ids.filter((id) => !known.has(id)).slice(0, most);
  const asked = missing.join("\n");
  useEffect(() => {
    if (asked === "" || !live) {
      return;
    }
    const ask = async () => {
      try {
        const profiles = await client.getProfiles(asked.split("\n"));
        setKnown((before) => new Map([...before, ...profiles.map(({ userId, emoji }) => [userId, emoji] as const)]));
      } catch {
        // They are not that important.
      }
    };
    const timer = setTimeout(() => void ask(), isFirst ? 0 : patience);
    return () => clearTimeout(timer);
  }, [client, asked, live, isFirst]);
  useEffect(() => {
    const forget = () => setKnown(new Map());
    addEventListener(profileChanged, forget);
    return () => removeEventListener(profileChanged, forget);
  }, []);
  return known;
}
