import type { ChatClient } from "@rialto/chat";
import { createContext, useContext } from "react";
import type { Directory } from "./model/directory.js";

/** What lives as long as the page. */
export interface Session {
  readonly client: ChatClient;
  readonly directory: Directory;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** Returns the session. Throws outside of a SessionContext. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) {
    throw new Error("useSession needs a SessionContext around it");
  }
  return session;
}
