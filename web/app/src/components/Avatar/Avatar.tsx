import type { User } from "@rialto/chat";
import type { CSSProperties } from "react";
import { hue, initials } from "../../model/person.js";
import "./avatar.css";

/** Initials on the user's own colour. Decoration: the name stands beside it. */
export function Avatar({ user, small = false }: { readonly user: User; readonly small?: boolean }) {
  const style = { "--hue": hue(user.id) } as CSSProperties;
  return (
    <span className="avatar" data-small={small || undefined} style={style} aria-hidden="true">
      {initials(user.name)}
    </span>
  );
}
