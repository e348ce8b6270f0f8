import { ChatError, maxTitleLength, type NewRoom } from "@rialto/chat";
import { type FormEvent, useId, useState } from "react";
import { navigate } from "../../hooks/use-route.js";
import { problem, sentence } from "../../model/problem.js";
import { roomIdProblem, slug } from "../../model/room-id.js";
import { useSession } from "../../session.js";
import { Dialog } from "../Dialog/Dialog.js";

/** Asks for a title and an id, proposed from the title, makes the room and goes there. */
export function CreateRoom({ onClose }: { readonly onClose: () => void }) {
  const { client } = useSession();
  const form = useId();
  const [title, setTitle] = useState("");
  const [kind, setKind] = useState<Required<NewRoom>["kind"]>("public");
  const [chosenId, setChosenId] = useState<string>();
  const [submitted, setSubmitted] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();

  const id = chosenId ?? slug(title);
  const idProblem = roomIdProblem(id);
  const titleProblem =
    [...title].length > maxTitleLength ? `A title has at most ${maxTitleLength} characters.` : undefined;
  const shownIdProblem = (submitted || id !== "" ? idProblem : undefined) ?? refusal?.id;
  const shownTitleProblem = titleProblem ?? refusal?.title;

  const open = () => {
    onClose();
    navigate({ page: "room", room: id });
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (busy || idProblem !== undefined || titleProblem !== undefined) {
      return;
    }
    setBusy(true);
    setRefusal(undefined);
    try {
      await client.createRoom({ id, title: title.trim(), kind });
      open();
    } catch (error) {
      setRefusal(refusalOf(error));
      setBusy(false);
    }
  };

  return (
    <Dialog title="New room" onClose={onClose}>
      <form className="stack" onSubmit={(event) => void submit(event)} noValidate>
        <div className="field">
          <label htmlFor={`${form}-title`}>Title</label>
          <input
            id={`${form}-title`}
            value={title}
            onChange={(event) => {
              setTitle(event.target.value);
              setRefusal(undefined);
            }}
            dir="auto"
            autoComplete="off"
            aria-invalid={shownTitleProblem !== undefined}
            aria-describedby={`${form}-title-note`}
          />
          <p id={`${form}-title-note`} className={shownTitleProblem === undefined ? "field-hint" : "field-error"}>
            {shownTitleProblem ?? "What people see. It can be changed."}
          </p>
        </div>
        <div className="field">
          <label htmlFor={`${form}-id`}>Id</label>
          <input
            id={`${form}-id`}
            value={id}
            onChange={(event) => {
              setChosenId(event.target.value);
              setRefusal(undefined);
            }}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={shownIdProblem !== undefined}
            aria-describedby={`${form}-id-note`}
          />
          <p id={`${form}-id-note`} className={shownIdProblem === undefined ? "field-hint" : "field-error"}>
            {shownIdProblem ?? "Part of the room's address, for ever: a–z, 0–9, dot, dash and underscore."}{" "}
            {refusal?.taken && (
              <button type="button" className="text-button" onClick={open}>
                Open #{id}
              </button>
            )}
          </p>
        </div>
        <label className="check">
          <input
            type="checkbox"
            checked={kind === "private"}
            onChange={(event) => setKind(event.target.checked ? "private" : "public")}
          />
          Private: only its members see it
        </label>
        <p className="field-error" role="alert" hidden={refusal?.all === undefined}>
          {refusal?.all}
        </p>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy}>
            {busy ? "Making it…" : "Make room"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Why the server made no room, each part where it is to be read. */
interface Refusal {
  readonly id?: string;
  readonly title?: string;
  readonly all?: string;
  readonly taken?: boolean;
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ChatError)) {
    return { all: problem(error) };
  }
  if (error.code === "ALREADY_EXISTS") {
    return { id: "This id is taken.", taken: true };
  }
  const about = (field: string) => {
    const violation = error.violations.find((v) => v.field === field);
    return violation && sentence(violation.description);
  };
  const id = about("room");
  const title = about("title");
  if (id === undefined && title === undefined) {
    return { all: problem(error) };
  }
  return { ...(id === undefined ? {} : { id }), ...(title === undefined ? {} : { title }) };
}
