import type { ReactNode } from "react";
import { navigate } from "../../hooks/use-route.js";

/** What is said where no room is open, and the way to one. */
export function NowhereWords({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <>
      <h1>{title}</h1>
      {children !== undefined && <p role="status">{children}</p>}
      <button type="button" className="button" onClick={() => navigate({ page: "room", room: "lobby" })}>
        Go to the lobby
      </button>
    </>
  );
}
