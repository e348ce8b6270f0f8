import { maxAboutLength } from "@rialto/chat";
import { useCallback, useId, useState } from "react";
import { profileChanged } from "../../hooks/use-emojis.js";
import { useLoaded } from "../../hooks/use-loaded.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import { NameForm } from "../NameForm/NameForm.js";
import { ProfileEmoji } from "./ProfileEmoji.js";

interface Props {
  /** The name that this browser knows. */
  readonly name: string;
  /** The name was saved, on all devices. */
  readonly onSaved: (name: string) => void;
}

/** What somebody says of themselves, on all their devices: a name, a text and an emoji. What was not touched is not sent. */
export function ProfileForm({ name, onSaved }: Props) {
  const { client } = useSession();
  const id = useId();
  const profile = useLoaded(useCallback(() => client.getProfiles(), [client])).value?.[0];
  const [typed, setTyped] = useState<string>();
  const [chosen, setChosen] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const about = typed ?? profile?.about ?? "";
  const length = [...about].length;
  const isLong = length > maxAboutLength;

  const save = (displayName: string) => {
    if (isLong) {
      return;
    }
    setBusy(true);
    setFailure(undefined);
    client.updateProfile({ displayName, about: typed?.trim(), emoji: chosen }).then(
      () => {
        dispatchEvent(new Event(profileChanged));
        onSaved(displayName);
      },
      (error: unknown) => {
        setFailure(problem(error));
        setBusy(false);
      },
    );
  };
  return (
    <NameForm name={profile?.displayName || name} action="Save" busy={busy} onChoose={save}>
      <div className="field">
        <label htmlFor={id}>About you</label>
        <textarea
          id={id}
          rows={3}
          dir="auto"
          value={about}
          onChange={(event) => setTyped(event.target.value)}
          aria-invalid={isLong}
          aria-describedby={`${id}-note`}
        />
        <p id={`${id}-note`} className={isLong ? "field-error" : "field-hint"} role="status">
          {isLong
            ? `At most ${maxAboutLength} characters; this has ${length}.`
            : "Everybody who looks you up can read it. May be empty."}
        </p>
      </div>
      <ProfileEmoji emoji={chosen ?? profile?.emoji ?? ""} onChoose={setChosen} />
      <p className="field-error" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
    </NameForm>
  );
}
