import { type FormEvent, useId, useState } from "react";
import { nameProblem } from "../../model/preferences.js";

interface Props {
  readonly name: string;
  readonly action: string;
  readonly onChoose: (name: string) => void;
}

/** Asks for the name to show. */
export function NameForm({ name: before, action, onChoose }: Props) {
  const id = useId();
  const [name, setName] = useState(before);
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
          onChange={(event) => setName(event.target.value)}
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
      <button type="submit" className="button" data-kind="primary">
        {action}
      </button>
    </form>
  );
}
