import { type Dispatch, type SetStateAction, useLayoutEffect } from "react";

interface Props {
  /** Changes the text that the part will begin with; undefined: it is not wanted any more. */
  readonly onText: Dispatch<SetStateAction<string | undefined>>;
}

/** Stands in for a part with a text field while that is loaded: what is typed is for it, and not for where the focus still is. */
export function KeysAhead({ onText }: Props) {
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      if (key === "Escape") {
        onText(undefined);
      } else if (key === "Backspace") {
        onText((before = "") => before.slice(0, -1));
      } else if ([...key].length === 1) {
        onText((before = "") => before + key);
      } else if (key !== "Enter") {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("keydown", onKey, true);
    return () => removeEventListener("keydown", onKey, true);
  }, [onText]);
  return null;
}
