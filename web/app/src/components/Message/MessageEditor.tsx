import { maxTextBytes } from "@rialto/chat";
import { useEffect, useRef, useState } from "react";
import { bytesOver } from "../../model/text-size.js";
import { TextArea } from "../TextArea/TextArea.js";

interface Props {
  readonly text: string;
  /** What was typed before the message left the document, and where what is typed is kept; see MessageActions. */
  readonly draft: string | undefined;
  readonly onDraft: (text: string) => void;
  readonly onSave: (text: string) => void;
  readonly onCancel: () => void;
}

/** Changes a message in its place. Enter saves, Escape leaves it as it was; either gives the focus back. */
export function MessageEditor({ text: original, draft, onDraft, onSave, onCancel }: Props) {
  // What was there when it was opened, also once the change has arrived.
  const [before] = useState(original);
  const [text, setText] = useState(draft ?? before);
  const area = useRef<HTMLTextAreaElement>(null);
  const over = bytesOver(text, maxTextBytes);
  const savable = text.trim() !== "" && over === 0;

  useEffect(() => {
    const from = document.activeElement;
    area.current?.focus();
    area.current?.setSelectionRange(before.length, before.length);
    return () => {
      // Unless it is somewhere else by now.
      if (from instanceof HTMLElement && document.activeElement === document.body) {
        from.focus();
      }
    };
  }, [before]);

  const save = () => {
    if (text.trimEnd() === before) {
      onCancel();
    } else if (savable) {
      onSave(text.trimEnd());
    }
  };
  return (
    <form
      className="message-editor"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <TextArea
        ref={area}
        value={text}
        onText={(next) => {
          setText(next);
          onDraft(next);
        }}
        onEnter={save}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            onCancel();
          }
        }}
        aria-label="Edit the message"
        aria-invalid={over > 0}
      />
      <div className="message-editor-actions">
        <span className="field-error" role="status">
          {over > 0 && `${over.toLocaleString()} bytes too long`}
        </span>
        <button type="button" className="text-button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="text-button" data-kind="primary" disabled={!savable}>
          Save
        </button>
      </div>
    </form>
  );
}
