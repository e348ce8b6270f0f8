import type { ChatClient } from "@rialto/chat";
import { createContext, useContext } from "react";
import type { BlockedPeople } from "./model/blocked.js";
import type { Directory } from "./model/directory.js";
import type { PreferenceStore } from "./model/preference-store.js";
import type { Visits } from "./model/visits.js";
import type { WireLog } from "./model/wire-log.js";

/** What lives as long as the page. */
export interface Session {
  readonly client: ChatClient;
  readonly preferences: PreferenceStore;
  readonly blocked: BlockedPeople;
  readonly visits: Visits;
  readonly directory: Directory;
  readonly wire: WireLog;
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
