import { lazy, Suspense } from "react";
import { Dialog } from "../Dialog/Dialog.js";

const EmojiPicker = lazy(() => import("./EmojiPicker.js").then((module) => ({ default: module.EmojiPicker })));

interface Props {
  readonly onChoose: (emoji: string) => void;
  readonly onClose: () => void;
}

/** All emojis, to react with one. */
export function EmojiDialog({ onChoose, onClose }: Props) {
  return (
    <Dialog title="React" onClose={onClose}>
      <Suspense fallback={<p className="popover-wait">Loading…</p>}>
        <EmojiPicker onChoose={onChoose} />
      </Suspense>
    </Dialog>
  );
}
