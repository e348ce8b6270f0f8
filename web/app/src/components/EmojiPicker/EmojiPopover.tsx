import { useEffect, useRef } from "react";
import { isComposing } from "../../model/composing.js";
import { Later } from "../Later/Later.js";
import { EmojiPicker } from "../Later/parts.js";

interface Props {
  readonly onChoose: (emoji: string) => void;
  /** One went elsewhere. */
  readonly onClose: () => void;
  /** Escape was pressed: the focus is to go back to where one came from. */
  readonly onEscape: () => void;
}

/** The picker over what is around it. It closes on Escape and when one goes elsewhere. */
export function EmojiPopover({ onChoose, onClose, onEscape }: Props) {
  const popover = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && !popover.current?.contains(event.target)) {
        onClose();
      }
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [onClose]);
  return (
    <div
      ref={popover}
      className="popover"
      role="dialog"
      aria-label="Emojis"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !isComposing(event.nativeEvent)) {
          event.stopPropagation();
          onEscape();
        }
      }}
      onBlur={({ currentTarget, relatedTarget }) => {
        // To nothing: the window lost it, or what had it is gone.
        if (relatedTarget !== null && !currentTarget.contains(relatedTarget)) {
          onClose();
        }
      }}
    >
      <Later>
        <FocusFirst />
        <EmojiPicker onChoose={onChoose} />
      </Later>
    </div>
  );
}

/** Puts the focus on the first field of what it stands in, once that is there. */
function FocusFirst() {
  const mark = useRef<HTMLSpanElement>(null);
  useEffect(() => mark.current?.parentElement?.querySelector("input")?.focus(), []);
  return <span ref={mark} hidden />;
}
