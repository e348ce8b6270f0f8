import type { ChatMessage } from "@rialto/chat";
import { useEffect, useRef, useState } from "react";
import { plainText } from "../../model/markdown.js";

interface Props {
  readonly messages: readonly ChatMessage[];
  /** Whose messages are not said. */
  readonly unheard: ReadonlyMap<string, string>;
  readonly myId: string | undefined;
  /** Whether what arrives is news. History and what is caught up with are not. */
  readonly live: boolean;
}

/** How many messages stay in the log: a screen reader says each as it is added. */
const kept = 5;

/**
 * Says new messages of others to those who listen. The timeline itself is not live: whatever is put above it would be
 * read out as if it were new.
 */
export function Announcer({ messages, unheard, myId, live }: Props) {
  const [news, setNews] = useState<readonly ChatMessage[]>([]);
  const known = useRef<number>(undefined);
  useEffect(() => {
    const head = messages.at(-1)?.seq ?? 0;
    const before = known.current;
    if (live || before !== undefined) {
      known.current = head;
    }
    if (!live || before === undefined || head <= before) {
      return;
    }
    const added = messages.filter(
      (m) => m.seq > before && m.sender.id !== myId && !unheard.has(m.sender.id) && !m.deleted,
    );
    setNews((said) => [...said, ...added].slice(-kept));
  }, [messages, unheard, myId, live]);
  // Also what was said before.
  const heard = news.filter(({ sender }) => !unheard.has(sender.id));
  return (
    <div className="unseen" role="log" aria-live="polite" aria-relevant="additions">
      {heard.map((message) => (
        <p key={message.seq}>
          {message.sender.name}: {message.text === "" ? "data" : plainText(message.text)}
        </p>
      ))}
    </div>
  );
}
