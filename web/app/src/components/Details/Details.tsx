import { hasRole, type Room, type RoomSnapshot, type User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useId, useState } from "react";
import { type NotifyLevel, notifyLevels } from "../../model/preferences.js";
import { problem } from "../../model/problem.js";
import { slowModeNote } from "../../model/rights.js";
import { Icon } from "../Icon/Icon.js";
import { Later } from "../Later/Later.js";
import { InvitePeople, Moderation, RoomSettings } from "../Later/parts.js";
import { Members } from "../Members/Members.js";
import "./details.css";

interface Props {
  readonly room: Room;
  readonly snapshot: RoomSnapshot;
  readonly me: User | undefined;
  /** Whether this is how it was when the connection broke. */
  readonly stale: boolean;
  /** What the person is told of in this room. */
  readonly level: NotifyLevel;
  readonly onLevel: (level: NotifyLevel) => void;
  readonly onCopyLink: () => void;
  /** What to tell the person when something was refused. */
  readonly onNotice: (notice: string) => void;
}

const levelNames: Readonly<Record<NotifyLevel, string>> = {
  all: "Every message",
  mentions: "Mentions of me",
  none: "Nothing",
};

/** The right pane: what the room is about, what one is told of, and who is here. */
export function Details({ room, snapshot, me, stale, level, onLevel, onCopyLink, onNotice }: Props) {
  const id = useId();
  const [dialog, setDialog] = useState<"settings" | "moderation" | "invite">();
  const slow = slowModeNote({ slowModeMs: snapshot.slowModeMs });
  const refused = snapshot.error !== undefined;
  const direct = snapshot.kind === "direct";
  const { members } = useSnapshot(room.members);
  // Who made a room by speaking in it is its owner, and hears so with the members.
  const role = snapshot.me?.role ?? members.find(({ user }) => user.id === me?.id)?.role ?? "visitor";
  const belongs = role !== "visitor";
  const changeMembership = () => {
    const done = belongs ? room.members.remove() : room.members.add();
    done.catch((error: unknown) => onNotice(problem(error)));
  };
  return (
    <div className="details">
      <section className="details-section" aria-label="This room">
        {snapshot.topic !== "" && (
          <p className="details-topic" dir="auto">
            {snapshot.topic}
          </p>
        )}
        {snapshot.kind === "private" && <p className="details-note">Private: only its members see it.</p>}
        {direct && <p className="details-note">Direct: the same people for good, and nobody else.</p>}
        {snapshot.archived && (
          <p className="details-note">Archived: it can be read, and nothing is said in it any more.</p>
        )}
        {slow !== undefined && <p className="details-note">{slow}</p>}
        <div className="details-row">
          <label htmlFor={`${id}-level`}>
            <Icon name="bell" size={16} /> Notify me about
          </label>
          <select
            id={`${id}-level`}
            value={level}
            onChange={(event) => onLevel(notifyLevels.find((one) => one === event.target.value) ?? "all")}
          >
            {notifyLevels.map((one) => (
              <option key={one} value={one}>
                {levelNames[one]}
              </option>
            ))}
          </select>
        </div>
        <button type="button" className="details-action" onClick={onCopyLink}>
          <Icon name="link" size={16} /> Copy the room’s address
        </button>
        {hasRole(role, "member") && !direct && (
          <button type="button" className="details-action" onClick={() => setDialog("invite")}>
            <Icon name="plus" size={16} /> Invite people
          </button>
        )}
        {hasRole(role, "moderator") && !direct && (
          <>
            <button type="button" className="details-action" onClick={() => setDialog("settings")}>
              <Icon name="settings" size={16} /> Room settings
            </button>
            <button type="button" className="details-action" onClick={() => setDialog("moderation")}>
              <Icon name="shield" size={16} /> Moderation
            </button>
          </>
        )}
        {!direct && !refused && (
          <button type="button" className="details-action" onClick={changeMembership}>
            <Icon name={belongs ? "back" : "check"} size={16} /> {belongs ? "Leave the room" : "Become a member"}
          </button>
        )}
      </section>
      {!refused && <Members room={room} snapshot={snapshot} me={me} stale={stale} />}
      <Later>
        {dialog === "invite" && <InvitePeople room={room} myId={me?.id} onClose={() => setDialog(undefined)} />}
        {dialog === "settings" && <RoomSettings room={room} role={role} onClose={() => setDialog(undefined)} />}
        {dialog === "moderation" && <Moderation room={room} role={role} onClose={() => setDialog(undefined)} />}
      </Later>
    </div>
  );
}
