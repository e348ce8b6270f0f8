import { useRef, useState } from "react";
import { Later } from "../Later/Later.js";
import { EmojiPicker } from "../Later/parts.js";

interface Props {
  /** "": none. */
  readonly emoji: string;
  readonly onChoose: (emoji: string) => void;
}

/** Asks for the emoji that stands beside one's name. */
export function ProfileEmoji({ emoji, onChoose }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const [picking, setPicking] = useState(false);
  const choose = (chosen: string) => {
    setPicking(false);
    onChoose(chosen);
    button.current?.focus();
  };
  return (
    <fieldset className="settings-group profile-group">
      <legend>Your emoji</legend>
      <div className="profile-emoji">
        <button
          ref={button}
          type="button"
          className="button"
          aria-expanded={picking}
          onClick={() => setPicking(!picking)}
        >
          {emoji !== "" && (
            <>
              <span className="profile-emoji-chosen">{emoji}</span>{" "}
            </>
          )}
          {emoji === "" ? "Choose an emoji" : "Change"}
        </button>
        {emoji !== "" && (
          <button type="button" className="text-button" onClick={() => choose("")}>
            Remove
          </button>
        )}
      </div>
      <Later>{picking && <EmojiPicker onChoose={choose} />}</Later>
    </fieldset>
  );
}
