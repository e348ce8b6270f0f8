import { roomIdPattern } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useDocumentTitle } from "../../hooks/use-document-title.js";
import { useNotifications } from "../../hooks/use-notifications.js";
import { useRoute } from "../../hooks/use-route.js";
import { useShortcut } from "../../hooks/use-shortcut.js";
import { useUpdate } from "../../hooks/use-update.js";
import type { Preferences } from "../../model/preferences.js";
import { useSession } from "../../session.js";
import { ConnectionBanner } from "../ConnectionBanner/ConnectionBanner.js";
import { KeysAhead } from "../Later/KeysAhead.js";
import { Later } from "../Later/Later.js";
import { fetchParts, Inspector, JoinByLink, Nowhere, QuickSwitcher } from "../Later/parts.js";
import { RoomView } from "../RoomView/RoomView.js";
import { Sidebar } from "../Sidebar/Sidebar.js";
import "./shell.css";

interface Props {
  readonly preferences: Preferences;
  readonly onPreferences: (change: Preferences) => void;
}

/** How long after the connection is there what may be needed later is loaded. */
const partsDelayMs = 1500;

/** The panes: side by side where there is space, one at a time where there is not. */
export function Shell({ preferences, onPreferences }: Props) {
  const { client, blocked, visits, directory, wire } = useSession();
  const { connection } = useSnapshot(client);
  const route = useRoute();
  const roomId = route.page === "room" && roomIdPattern.test(route.room) ? route.room : undefined;
  const room = useMemo(() => (roomId === undefined ? undefined : client.room(roomId)), [client, roomId]);

  useEffect(() => {
    const end = directory.start();
    return () => {
      end();
      visits.end();
    };
  }, [visits, directory]);
  const live = connection.status === "live";
  useEffect(() => {
    if (live) {
      // Else what is remembered of it stays.
      blocked.load().catch(() => undefined);
      const timer = setTimeout(fetchParts, partsDelayMs);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [live, blocked]);
  useEffect(() => {
    if (roomId !== undefined) {
      visits.visit(roomId);
      onPreferences({ room: roomId });
    }
  }, [visits, roomId, onPreferences]);
  useDocumentTitle(directory, roomId, preferences);
  useNotifications(preferences);
  const outdated = useUpdate(connection.status);
  const { inspector = false } = preferences;
  const [inspecting, setInspecting] = useState(false);
  useEffect(() => wire.enable(inspector), [wire, inspector]);
  // What is typed into the switcher; undefined while it is not open.
  const [sought, setSought] = useState<string>();
  const openSwitcher = useCallback(() => setSought((before = "") => before), []);
  useShortcut("k", openSwitcher);

  return (
    <div className="shell" data-page={route.page === "rooms" ? "rooms" : "room"}>
      <Sidebar
        room={roomId}
        preferences={preferences}
        onPreferences={onPreferences}
        onSwitch={openSwitcher}
        onInspect={inspector ? () => setInspecting(!inspecting) : undefined}
      />
      {room !== undefined ? (
        <RoomView
          key={room.id}
          room={room}
          target={route.page === "room" ? route.seq : undefined}
          preferences={preferences}
          onPreferences={onPreferences}
        />
      ) : (
        <>
          <ConnectionBanner connection={connection} missing={0} onConnect={() => client.connect()} />
          <main className="nowhere">
            <Later>{route.page === "join" ? <JoinByLink live={live} /> : <Nowhere route={route} />}</Later>
          </main>
        </>
      )}
      <Later>{inspector && inspecting && <Inspector log={wire} onClose={() => setInspecting(false)} />}</Later>
      {outdated && (
        <p className="update" role="status">
          Rialto has a new version.
          <button type="button" className="text-button" onClick={() => location.reload()}>
            Reload
          </button>
        </p>
      )}
      <Later waiting={<KeysAhead onText={setSought} />}>
        {sought !== undefined && (
          <QuickSwitcher text={sought} onText={setSought} onClose={() => setSought(undefined)} />
        )}
      </Later>
    </div>
  );
}
