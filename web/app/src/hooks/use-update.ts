import type { ConnectionState } from "@rialto/chat";
import { useEffect, useState } from "react";

/**
 * Returns whether the server has another version of this application than the one that runs here. Asked whenever the
 * connection is back: a deploy interrupts it.
 */
export function useUpdate(status: ConnectionState["status"]): boolean {
  const [outdated, setOutdated] = useState(false);
  const live = status === "live";
  useEffect(() => {
    const script = document.querySelector<HTMLScriptElement>('script[type="module"][src^="/assets/"]');
    if (!live || script === null) {
      return;
    }
    const left = new AbortController();
    fetch("/index.html", { cache: "no-cache", signal: left.signal })
      .then(
        async (response) => response.ok && setOutdated(!(await response.text()).includes(new URL(script.src).pathname)),
      )
      .catch(() => undefined); // It is asked again when the connection is back.
    return () => left.abort();
  }, [live]);
  return outdated;
}
