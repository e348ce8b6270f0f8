import type { User } from "@rialto/chat";
import { optionId } from "../../model/completion.js";
import { Avatar } from "../Avatar/Avatar.js";
import "./completions.css";

/** One way to complete what is being typed. */
export interface Completion {
  readonly key: string;
  readonly shown: string;
  /** What takes the place of what was typed. */
  readonly insert: string;
  readonly user?: User;
  readonly emoji?: string;
}

interface Props {
  readonly id: string;
  readonly completions: readonly Completion[];
  readonly selected: number;
  readonly onChoose: (completion: Completion) => void;
}

/** Ways to complete what is being typed; the field keeps the focus. */
export function Completions({ id, completions, selected, onChoose }: Props) {
  return (
    <div id={id} className="completions" role="listbox" aria-label="Completions">
      {completions.map((completion, i) => (
        // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and names the active option.
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys.
        <div
          key={completion.key}
          id={optionId(id, i)}
          className="completion"
          role="option"
          aria-selected={i === selected}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(completion)}
        >
          {completion.user !== undefined && <Avatar user={completion.user} small />}
          {completion.emoji !== undefined && <span className="completion-emoji">{completion.emoji}</span>}
          <bdi className="completion-name">{completion.shown}</bdi>
        </div>
      ))}
    </div>
  );
}
