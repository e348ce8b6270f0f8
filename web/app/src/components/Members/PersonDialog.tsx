import { hasRole, type Role, type Room, roles, type User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useCallback, useState } from "react";
import { useLoaded } from "../../hooks/use-loaded.js";
import { useMuted } from "../../hooks/use-muted.js";
import { navigate } from "../../hooks/use-route.js";
import { problem } from "../../model/problem.js";
import { mayModerate } from "../../model/rights.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Dialog } from "../Dialog/Dialog.js";
import { PersonName } from "../PersonName/PersonName.js";
import { BanForm } from "./BanForm.js";
import { PersonEmoji } from "./PersonEmoji.js";

interface Props {
  readonly room: Room;
  readonly user: User;
  readonly myId: string | undefined;
  readonly onClose: () => void;
}

const hourMs = 3_600_000;

/** Somebody in a room: who they are, and what this user may do about them. The server decides; it says so where it refuses. */
export function PersonDialog({ room, user, myId, onClose }: Props) {
  const { client, blocked } = useSession();
  const isBlocked = useSnapshot(blocked).has(user.id);
  const profile = useLoaded(useCallback(() => client.getProfiles([user.id]), [client, user.id])).value?.[0];
  const snapshot = useSnapshot(room);
  const { members } = useSnapshot(room.members);
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [banning, setBanning] = useState(false);
  const member = members.find((one) => one.user.id === user.id);
  const muted = useMuted(member);
  const mine = snapshot.me?.role ?? members.find((one) => one.user.id === myId)?.role ?? "visitor";
  const theirs = member?.role ?? "visitor";
  const self = user.id === myId;

  const run = (work: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(undefined);
    work().then(onClose, (error: unknown) => {
      setFailure(problem(error));
      setBusy(false);
    });
  };
  const messagePrivately = async () => {
    const { id } = await client.openDirectRoom([user.id]);
    navigate({ page: "room", room: id });
  };
  const action = (label: string, work: () => Promise<unknown>, kind?: "danger") => (
    <button type="button" className="button" data-kind={kind} disabled={busy} onClick={() => run(work)}>
      {label}
    </button>
  );
  return (
    <Dialog title={self ? "You in this room" : "Person"} onClose={onClose}>
      <div className="person-head">
        <Avatar user={user} />
        <div>
          <p className="person-title">
            <PersonName user={user} me={self} />
            <PersonEmoji emoji={profile?.emoji} />
          </p>
          <p className="person-id">
            {describe(theirs, muted)} · {user.id}
          </p>
        </div>
      </div>
      {profile !== undefined && profile.about !== "" && (
        <p className="person-about" dir="auto">
          {profile.about}
        </p>
      )}
      {isBlocked && (
        <p className="person-id">You have blocked them: what they say is hidden, and they cannot write to you alone.</p>
      )}
      <div className="person-actions">
        {!self && !isBlocked && action("Message privately", messagePrivately)}
        {!self &&
          theirs === "visitor" &&
          hasRole(mine, "member") &&
          action("Invite to become a member", () => room.members.invite(user.id))}
        {hasRole(mine, "owner") && member !== undefined && theirs !== "visitor" && (
          <label className="field">
            Role
            <select
              value={theirs}
              disabled={busy}
              onChange={(event) => {
                const role = roles.find((one) => one === event.target.value);
                run(() => (role === undefined ? Promise.resolve() : room.members.setRole(user.id, role)));
              }}
            >
              {roles.slice(1).map((role) => (
                <option key={role}>{role}</option>
              ))}
            </select>
          </label>
        )}
        {!self && mayModerate(mine, theirs) && (
          <>
            {!muted && action("Mute for an hour", () => room.members.mute(user.id, hourMs))}
            {/* Which visitors are muted nobody is told. */}
            {(muted || theirs === "visitor") && action("Let them speak again", () => room.members.unmute(user.id))}
            {theirs !== "visitor" && action("Remove from the room", () => room.members.remove(user.id), "danger")}
            {banning ? (
              <BanForm
                name={user.name}
                busy={busy}
                onBan={(options) => run(() => room.members.ban(user.id, options))}
                onCancel={() => setBanning(false)}
              />
            ) : (
              <button type="button" className="button" data-kind="danger" onClick={() => setBanning(true)}>
                Ban from the room…
              </button>
            )}
          </>
        )}
        {!self &&
          (isBlocked
            ? action("Unblock", () => blocked.unblock(user.id))
            : action("Block", () => blocked.block(user), "danger"))}
      </div>
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
    </Dialog>
  );
}

function describe(role: Role, muted: boolean): string {
  return `${role.charAt(0).toUpperCase()}${role.slice(1)}${muted ? ", muted" : ""}`;
}
