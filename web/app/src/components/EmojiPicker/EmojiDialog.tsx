import { Dialog } from "../Dialog/Dialog.js";
import { Later } from "../Later/Later.js";
import { EmojiPicker } from "../Later/parts.js";

interface Props {
  readonly onChoose: (emoji: string) => void;
  readonly onClose: () => void;
}

/** All emojis, to react with one. */
export function EmojiDialog({ onChoose, onClose }: Props) {
  return (
    <Dialog title="React" onClose={onClose}>
      <Later>
        <EmojiPicker onChoose={onChoose} />
      </Later>
    </Dialog>
  );
}
