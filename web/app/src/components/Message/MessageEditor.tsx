import { type ChatMessage, maxTextBytes } from "@rialto/chat";
import { useEffect, useRef, useState } from "react";
import { isComposing } from "../../model/composing.js";
import { mentionsAfter } from "../../model/mentions-after.js";
import { bytesOver } from "../../model/text-size.js";
import { TextArea } from "../TextArea/TextArea.js";
import type { MessageActions } from "./Message.js";

interface Props {
  readonly message: ChatMessage;
  readonly actions: MessageActions;
}

/** Changes a message in its place. Enter saves, Escape leaves it as it was; either gives the focus back. */
export function MessageEditor({ message, actions }: Props) {
  const { editorDrafts, nameOf } = actions;
  // What was there when it was opened, also once the change has arrived.
  const [before] = useState(message.text);
  // What was typed before the message left the document.
  const [text, setText] = useState(editorDrafts.get(message.seq) ?? before);
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

  const cancel = () => actions.startEdit(undefined);
  const save = () => {
    const to = text.trimEnd();
    if (to === before) {
      cancel();
    } else if (savable) {
      const old = message.mentions.map((userId) => ({ userId, name: nameOf(userId) }));
      actions.edit(message, to, mentionsAfter({ from: message.text, to }, actions.people(), old));
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
          editorDrafts.set(message.seq, next);
        }}
        onEnter={save}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !isComposing(event.nativeEvent)) {
            event.stopPropagation();
            cancel();
          }
        }}
        aria-label="Edit the message"
        aria-invalid={over > 0}
      />
      <div className="message-editor-actions">
        <span className="field-error" role="status">
          {over > 0 && `${over.toLocaleString()} bytes too long`}
        </span>
        <button type="button" className="text-button" onClick={cancel}>
          Cancel
        </button>
        <button type="submit" className="text-button" data-kind="primary" disabled={!savable}>
          Save
        </button>
      </div>
    </form>
  );
}
