import { maxTextBytes } from "@rialto/chat";
import { type Ref, useState } from "react";
import { Drafts } from "../../model/drafts.js";
import { byteLength } from "../../model/text-size.js";
import { Icon } from "../Icon/Icon.js";
import { TextArea } from "../TextArea/TextArea.js";
import "./composer.css";

interface Props {
  readonly roomId: string;
  readonly onSend: (text: string) => void;
  readonly onTyping: (typing: boolean) => void;
  /** The up arrow was pressed in an empty field: edit what one said last. */
  readonly onEditLast: () => void;
  readonly ref?: Ref<HTMLTextAreaElement>;
}

/** From this share of the longest text on, what is left is shown. */
const nearlyFull = 0.75;

const drafts = new Drafts(localStorage);

/** Where one writes. What is written and not sent is kept for each room. Mount it anew for another room. */
export function Composer({ roomId, onSend, onTyping, onEditLast, ref }: Props) {
  const [text, setText] = useState(() => drafts.get(roomId));
  const bytes = byteLength(text);
  const sendable = text.trim() !== "" && bytes <= maxTextBytes;

  const change = (next: string) => {
    setText(next);
    drafts.set(roomId, next);
    onTyping(next.trim() !== "");
  };
  const send = () => {
    if (sendable) {
      onSend(text.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd());
      change("");
    }
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-box">
        <TextArea
          ref={ref ?? null}
          value={text}
          onText={change}
          onEnter={send}
          onKeyDown={(event) => {
            if (event.key === "ArrowUp" && text === "") {
              event.preventDefault();
              onEditLast();
            }
          }}
          onBlur={() => onTyping(false)}
          placeholder={`Message #${roomId}`}
          aria-label={`Message #${roomId}`}
          aria-invalid={bytes > maxTextBytes}
          enterKeyHint="send"
        />
        <button type="submit" className="composer-send" disabled={!sendable} aria-label="Send" title="Send (Enter)">
          <Icon name="send" />
        </button>
      </div>
      <SpaceLeft bytes={bytes} />
    </form>
  );
}

/** How much more can be written, when that is little. */
function SpaceLeft({ bytes }: { readonly bytes: number }) {
  if (bytes < maxTextBytes * nearlyFull) {
    return null;
  }
  const left = maxTextBytes - bytes;
  return (
    <p className={left < 0 ? "composer-space field-error" : "composer-space"} role="status">
      {left < 0 ? `${(-left).toLocaleString()} bytes too long` : `${left.toLocaleString()} bytes left`} of{" "}
      {maxTextBytes.toLocaleString()}
    </p>
  );
}
