import { maxTextBytes, type User } from "@rialto/chat";
import { type RefObject, useCallback, useId, useLayoutEffect, useRef, useState } from "react";
import { useCompletion } from "../../hooks/use-completion.js";
import { optionId } from "../../model/completion.js";
import { isComposing } from "../../model/composing.js";
import { Drafts } from "../../model/drafts.js";
import { mentionsIn } from "../../model/mentions.js";
import { safeStorage } from "../../model/safe-storage.js";
import { byteLength } from "../../model/text-size.js";
import { Icon } from "../Icon/Icon.js";
import { Later } from "../Later/Later.js";
import { Completions, EmojiPopover } from "../Later/parts.js";
import { TextArea } from "../TextArea/TextArea.js";
import "./composer.css";

interface Props {
  /** Under what the draft is kept. */
  readonly draft: string;
  /** What the field is called. */
  readonly label: string;
  /** Who can be named behind an @. */
  readonly people: readonly User[];
  readonly onSend: (text: string, mentions: readonly string[]) => void;
  readonly onTyping: (typing: boolean) => void;
  /** The up arrow was pressed in an empty field: edit what one said last. */
  readonly onEditLast?: () => void;
  /** Escape was pressed and meant nothing here. */
  readonly onEscape?: () => void;
  readonly ref: RefObject<HTMLTextAreaElement | null>;
}

/** From this share of the longest text on, what is left is shown. */
const nearlyFull = 0.75;

const drafts = new Drafts(safeStorage());

/** Where one writes. What is written and not sent is kept. Mount it anew for another draft. */
export function Composer({ draft, label, people, onSend, onTyping, onEditLast, onEscape, ref }: Props) {
  const id = useId();
  const [text, setText] = useState(() => drafts.get(draft));
  const [caret, setCaret] = useState(text.length);
  const [picking, setPicking] = useState(false);
  const chosen = useRef(new Map<string, string>());
  const caretNext = useRef<number>(undefined);
  const bytes = byteLength(text);
  const sendable = text.trim() !== "" && bytes <= maxTextBytes;

  const change = (next: string) => {
    setText(next);
    drafts.set(draft, next);
    onTyping(next.trim() !== "");
  };
  const changeAt = (next: string, at: number) => {
    change(next);
    setCaret(at);
    caretNext.current = at;
  };
  useLayoutEffect(() => {
    if (caretNext.current !== undefined) {
      ref.current?.setSelectionRange(caretNext.current, caretNext.current);
      caretNext.current = undefined;
    }
  });
  const { completions, selected, choose, onKey } = useCompletion({
    text,
    caret,
    people,
    onComplete: (next, at, { user }) => {
      if (user !== undefined) {
        chosen.current.set(user.name, user.id);
      }
      changeAt(next, at);
    },
  });
  const send = () => {
    if (sendable) {
      onSend(text.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd(), mentionsIn(text, people, chosen.current));
      chosen.current.clear();
      changeAt("", 0);
    }
  };
  const stopPicking = useCallback(() => setPicking(false), []);
  const backToText = () => {
    setPicking(false);
    ref.current?.focus();
  };
  const insert = (emoji: string) => {
    backToText();
    changeAt(text.slice(0, caret) + emoji + text.slice(caret), caret + emoji.length);
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Later>
        {completions.length > 0 && (
          <Completions id={id} completions={completions} selected={selected} onChoose={choose} />
        )}
      </Later>
      <Later>{picking && <EmojiPopover onChoose={insert} onClose={stopPicking} onEscape={backToText} />}</Later>
      <div className="composer-box">
        <TextArea
          ref={ref}
          value={text}
          onText={change}
          onEnter={send}
          onKeyDown={(event) => {
            if (onKey(event)) {
              return;
            }
            if (event.key === "ArrowUp" && text === "" && onEditLast !== undefined) {
              event.preventDefault();
              onEditLast();
            } else if (event.key === "Escape" && !isComposing(event.nativeEvent)) {
              onEscape?.();
            }
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onBlur={() => onTyping(false)}
          placeholder={label}
          aria-label={label}
          aria-invalid={bytes > maxTextBytes}
          aria-autocomplete="list"
          aria-controls={completions.length > 0 ? id : undefined}
          aria-activedescendant={completions.length > 0 ? optionId(id, selected) : undefined}
          enterKeyHint="send"
        />
        <button
          type="button"
          className="composer-button"
          aria-label="Emojis"
          aria-expanded={picking}
          title="Emojis"
          // It closes what is open by its click, and not by taking the focus from it.
          onPointerDown={(event) => event.stopPropagation()}
          onMouseDown={(event) => event.preventDefault()}
          onClick={picking ? backToText : () => setPicking(true)}
        >
          <Icon name="react" />
        </button>
        <button
          type="submit"
          className="composer-button composer-send"
          disabled={!sendable}
          aria-label="Send"
          title="Send (Enter)"
        >
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
