import { useEffect } from "react";
import { Later } from "./components/Later/Later.js";
import { Welcome } from "./components/Later/parts.js";
import { Shell } from "./components/Shell/Shell.js";
import { usePreferences } from "./hooks/use-preferences.js";
import { navigate } from "./hooks/use-route.js";
import { useSession } from "./session.js";

/** The application: asks for a name on the first visit, and is in the last room at once on all later ones. */
export function App() {
  const { client } = useSession();
  const [preferences, changePreferences] = usePreferences();
  const { name, room } = preferences;

  useEffect(() => {
    if (name !== undefined) {
      client.setDisplayName(name);
      client.connect();
    }
  }, [client, name]);
  useEffect(() => {
    // It may have been chosen in another tab.
    if (name !== undefined) {
      goToRoom(room);
    }
  }, [name, room]);

  if (name === undefined) {
    return (
      <Later>
        <Welcome
          onChoose={(chosen) => {
            changePreferences({ name: chosen });
            goToRoom(room);
          }}
        />
      </Later>
    );
  }
  return <Shell preferences={preferences} onPreferences={changePreferences} />;
}

/** Opens a room if the address names none. */
export function goToRoom(room = "lobby"): void {
  if (location.pathname === "/") {
    navigate({ page: "room", room }, true);
  }
}
