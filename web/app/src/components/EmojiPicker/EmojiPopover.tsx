import { lazy, Suspense, useEffect, useRef } from "react";

/** The picker comes when it is first asked for: most messages have no emoji. */
const EmojiPicker = lazy(() => import("./EmojiPicker.js").then((module) => ({ default: module.EmojiPicker })));

interface Props {
  readonly onChoose: (emoji: string) => void;
  readonly onClose: () => void;
}

/** The picker over what is around it. It closes on Escape and when one goes elsewhere. */
export function EmojiPopover({ onChoose, onClose }: Props) {
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
        if (event.key === "Escape") {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <Suspense fallback={<p className="popover-wait">Loading…</p>}>
        <FocusFirst />
        <EmojiPicker onChoose={onChoose} />
      </Suspense>
    </div>
  );
}

/** Puts the focus on the first field of what it stands in, once that is there. */
function FocusFirst() {
  const mark = useRef<HTMLSpanElement>(null);
  useEffect(() => mark.current?.parentElement?.querySelector("input")?.focus(), []);
  return <span ref={mark} hidden />;
}
