// Before the components, whose styles refine these.
import "./styles/tokens.css";
import "./styles/intents.css";
import "./styles/base.css";

import { ChatClient, withHttpFallback } from "@rialto/chat";
import { createWebSocketTransport } from "@rialto/transport";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, goToRoom } from "./app.js";
import { directionOf } from "./direction.js";
import { BlockedPeople } from "./model/blocked.js";
import { Directory } from "./model/directory.js";
import { PreferenceStore } from "./model/preference-store.js";
import { safeStorage } from "./model/safe-storage.js";
import { Visits } from "./model/visits.js";
import { WireLog } from "./model/wire-log.js";
import { SessionContext } from "./session.js";

const storage = safeStorage();
const preferences = new PreferenceStore(storage, window);
const { name, room, inspector } = preferences.getSnapshot();

// The inspector sees a connection from its first frame on.
const wire = new WireLog();
wire.enable(inspector === true);
const client = new ChatClient({
  transport: (options) =>
    withHttpFallback(createWebSocketTransport({ ...options, onFrame: wire.onFrame }), options.baseUrl),
});
const visits = new Visits(client);
const blocked = new BlockedPeople(client, storage);
const directory = new Directory(client, visits, blocked);
const session = { client, preferences, blocked, visits, directory, wire };

if (name !== undefined) {
  goToRoom(room);
}

// The panes lie as the reader's language is written; what people type has its own direction, line by line.
document.documentElement.dir = directionOf(navigator.language);

const root = document.getElementById("root");
if (root === null) {
  throw new Error("index.html has no #root");
}
createRoot(root).render(
  <StrictMode>
    <SessionContext value={session}>
      <App />
    </SessionContext>
  </StrictMode>,
);

// Without a network it may not come, and the application goes on without it.
import("./afterwards.js").then(
  ({ startAfterwards }) => startAfterwards(),
  () => undefined,
);
