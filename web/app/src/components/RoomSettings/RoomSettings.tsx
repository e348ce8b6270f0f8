import { hasRole, maxTitleLength, type Role, type Room, roles } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { type FormEvent, useId, useState } from "react";
import { problem } from "../../model/problem.js";
import { type Keeping, keepingNames, keepingOf, retentionOf } from "../../model/retention.js";
import { Dialog } from "../Dialog/Dialog.js";
import { DeleteRoom } from "./DeleteRoom.js";
import "./room-settings.css";

/** The choices of slow mode, in seconds. */
const slowModes: readonly (readonly [number, string])[] = [
  [0, "Off"],
  [5, "5 seconds"],
  [30, "30 seconds"],
  [300, "5 minutes"],
  [3600, "1 hour"],
];

const postingNames: Readonly<Record<Role, string>> = {
  visitor: "Everybody who may read",
  guest: "Guests and above",
  member: "Members and above",
  moderator: "Moderators and owners",
  owner: "Owners",
};

interface Props {
  readonly room: Room;
  /** What this user is in it. */
  readonly role: Role;
  readonly onClose: () => void;
}

/** What can be set of a room: by moderators what it is about, by owners who may what. */
export function RoomSettings({ room, role, onClose }: Props) {
  const id = useId();
  const snapshot = useSnapshot(room);
  const owner = hasRole(role, "owner");
  // What was there when it was opened: what others change meanwhile is not taken back.
  const [before] = useState(snapshot);
  const [title, setTitle] = useState(before.title);
  const [topic, setTopic] = useState(before.topic);
  const [slow, setSlow] = useState(before.slowModeMs);
  const [kind, setKind] = useState(before.kind);
  const [posting, setPosting] = useState(before.posting);
  const [archived, setArchived] = useState(before.archived);
  const [keeping, setKeeping] = useState(() => keepingOf(before.retention));
  const [requests, setRequests] = useState(before.joinRequests);
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const tooLong = [...title].length > maxTitleLength;

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await room.update({
        ...(title === before.title ? {} : { title: title.trim() }),
        ...(topic === before.topic ? {} : { topic: topic.trim() }),
        ...(slow === before.slowModeMs ? {} : { slowModeMs: slow }),
        ...(kind === before.kind ? {} : { kind }),
        ...(posting === before.posting ? {} : { posting }),
        ...(archived === before.archived ? {} : { archived }),
        ...(keeping === keepingOf(before.retention) ? {} : { retention: retentionOf(keeping, before.retention) }),
        ...(requests === before.joinRequests || kind !== "private" ? {} : { joinRequests: requests }),
      });
      onClose();
    } catch (error) {
      setFailure(problem(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Room settings" onClose={onClose}>
      <form className="stack room-settings" onSubmit={(event) => void save(event)} noValidate>
        <div className="field">
          <label htmlFor={`${id}-title`}>Title</label>
          <input
            id={`${id}-title`}
            dir="auto"
            value={title}
            aria-invalid={tooLong}
            aria-describedby={`${id}-title-note`}
            onChange={(event) => setTitle(event.target.value)}
          />
          <p id={`${id}-title-note`} className="field-error" hidden={!tooLong}>
            A title has at most {maxTitleLength} characters.
          </p>
        </div>
        <div className="field">
          <label htmlFor={`${id}-topic`}>Topic</label>
          <input id={`${id}-topic`} dir="auto" value={topic} onChange={(event) => setTopic(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor={`${id}-slow`}>Slow mode</label>
          <select id={`${id}-slow`} value={slow} onChange={(event) => setSlow(Number(event.target.value))}>
            {slowModes.map(([seconds, name]) => (
              <option key={seconds} value={seconds * 1000}>
                {name}
              </option>
            ))}
            {slowModes.every(([seconds]) => seconds * 1000 !== before.slowModeMs) && (
              <option value={before.slowModeMs}>{before.slowModeMs / 1000} seconds</option>
            )}
          </select>
        </div>
        {owner && (
          <>
            <div className="field">
              <label htmlFor={`${id}-posting`}>Who posts</label>
              <select
                id={`${id}-posting`}
                value={posting}
                onChange={(event) => setPosting(roles.find((role) => role === event.target.value) ?? posting)}
              >
                {roles.map((role) => (
                  <option key={role} value={role}>
                    {postingNames[role]}
                  </option>
                ))}
              </select>
            </div>
            <div className="field">
              <label htmlFor={`${id}-keeping`}>Messages are kept</label>
              <select
                id={`${id}-keeping`}
                value={keeping}
                onChange={(event) => setKeeping(event.target.value as Keeping)}
              >
                {(Object.keys(keepingNames) as Keeping[])
                  .filter((one) => one !== "other" || keepingOf(before.retention) === "other")
                  .map((one) => (
                    <option key={one} value={one}>
                      {keepingNames[one]}
                    </option>
                  ))}
              </select>
            </div>
            <label className="check">
              <input
                type="checkbox"
                checked={kind === "private"}
                onChange={(event) => setKind(event.target.checked ? "private" : "public")}
              />
              Private: only its members see it
            </label>
            {kind === "private" && (
              <label className="check">
                <input type="checkbox" checked={requests} onChange={(event) => setRequests(event.target.checked)} />
                People may ask to become members
              </label>
            )}
            <label className="check">
              <input type="checkbox" checked={archived} onChange={(event) => setArchived(event.target.checked)} />
              Archived: nobody posts any more
            </label>
          </>
        )}
        <p className="field-error" role="alert" hidden={failure === undefined}>
          {failure}
        </p>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy || tooLong}>
            Save
          </button>
        </div>
      </form>
      {owner && <DeleteRoom room={room} onDeleted={onClose} />}
    </Dialog>
  );
}
