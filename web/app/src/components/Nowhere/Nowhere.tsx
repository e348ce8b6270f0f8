import { roomIdProblem } from "../../model/room-id.js";
import type { Route } from "../../model/route.js";
import { NowhereWords } from "./NowhereWords.js";

/** Shown where no room is open, with the reason if one was asked for. */
export function Nowhere({ route }: { readonly route: Route }) {
  if (route.page === "rooms") {
    return <NowhereWords title="Choose a room" />;
  }
  return (
    <NowhereWords title="There is nothing here">
      {route.page === "room" ? (
        <>
          <bdi>“{route.room}”</bdi> cannot be a room. {roomIdProblem(route.room)}
        </>
      ) : (
        "This address leads to no room."
      )}
    </NowhereWords>
  );
}
