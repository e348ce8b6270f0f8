import { hasRole, type Role, type Room } from "@rialto/chat";
import { type ReactNode, useState } from "react";
import { Dialog } from "../Dialog/Dialog.js";
import { Audit } from "./Audit.js";
import { Bans } from "./Bans.js";
import { Links } from "./Links.js";
import { Requests } from "./Requests.js";
import "./moderation.css";

interface Props {
  readonly room: Room;
  /** What this user is in it: a moderator or an owner. */
  readonly role: Role;
  readonly onClose: () => void;
}

const parts = ["links", "requests", "bans", "audit"] as const;

type Part = (typeof parts)[number];

const names: Readonly<Record<Part, string>> = {
  links: "Invitation links",
  requests: "Requests",
  bans: "Banned",
  audit: "Log",
};

/** Who may come in and who may not, and for owners what moderators did. */
export function Moderation({ room, role, onClose }: Props) {
  const [part, setPart] = useState<Part>(room.getSnapshot().kind === "private" ? "requests" : "links");
  const isPrivate = room.getSnapshot().kind === "private";
  const shown = parts
    .filter((one) => one !== "audit" || hasRole(role, "owner"))
    .filter((one) => one !== "requests" || isPrivate);
  const contents: Readonly<Record<Part, () => ReactNode>> = {
    links: () => <Links room={room} />,
    requests: () => <Requests room={room} />,
    bans: () => <Bans room={room} />,
    audit: () => <Audit room={room} />,
  };
  return (
    <Dialog title="Moderation" onClose={onClose}>
      <div className="moderation-parts">
        {shown.map((one) => (
          <button key={one} type="button" aria-pressed={one === part} onClick={() => setPart(one)}>
            {names[one]}
          </button>
        ))}
      </div>
      <section className="moderation-part" aria-label={names[part]}>
        {contents[part]()}
      </section>
    </Dialog>
  );
}
