import { roomIdProblem } from "../../model/room-id.js";
import type { Route } from "../../model/route.js";

/** Shown where no room is open, with the reason if one was asked for. */
export function Nowhere({ route, onLobby }: { readonly route: Route; readonly onLobby: () => void }) {
  return (
    <main className="nowhere">
      <h2>{route.page === "rooms" ? "Choose a room" : "There is nothing here"}</h2>
      {route.page === "room" && (
        <p>
          <bdi>“{route.room}”</bdi> cannot be a room. {roomIdProblem(route.room)}
        </p>
      )}
      <button type="button" className="button" onClick={onLobby}>
        Go to the lobby
      </button>
    </main>
  );
}
