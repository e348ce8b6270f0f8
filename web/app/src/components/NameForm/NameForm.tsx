import { type FormEvent, type ReactNode, useId, useState } from "react";
import { nameProblem } from "../../model/preferences.js";

interface Props {
  readonly name: string;
  readonly action: string;
  readonly busy?: boolean;
  readonly onChoose: (name: string) => void;
  /** What else is asked for. */
  readonly children?: ReactNode;
}

/** Asks for the name to show. `name` may become known later: it counts until something is typed. */
export function NameForm({ name: before, action, busy = false, onChoose, children }: Props) {
  const id = useId();
  const [typed, setTyped] = useState<string>();
  const name = typed ?? before;
  const [submitted, setSubmitted] = useState(false);
  const problem = nameProblem(name.trim());
  const shown = submitted || name.trim().length > 0 ? problem : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (problem === undefined) {
      onChoose(name.trim());
    }
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <div className="field">
        <label htmlFor={id}>Your name</label>
        <input
          id={id}
          value={name}
          onChange={(event) => setTyped(event.target.value)}
          dir="auto"
          autoComplete="nickname"
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: it is the only thing to do here.
          autoFocus
          aria-invalid={shown !== undefined}
          aria-describedby={`${id}-note`}
        />
        <p id={`${id}-note`} className={shown === undefined ? "field-hint" : "field-error"} role="status">
          {shown ?? "Others see it beside what you say. You can change it later."}
        </p>
      </div>
      {children}
      <button type="submit" className="button" data-kind="primary" disabled={busy}>
        {action}
      </button>
    </form>
  );
}
