import { type KeyboardEvent, useEffect, useRef } from "react";
import { Icon, type IconName } from "../Icon/Icon.js";
import "./message-toolbar.css";

/** What can be said without words. */
const emojis = ["👍", "❤️", "😂", "🎉", "👀", "✅"] as const;

/** What the toolbar shows: its buttons, the emojis to choose from, or whether to delete indeed. */
export type ToolbarMode = "actions" | "react" | "delete";

interface Props {
  readonly mode: ToolbarMode;
  readonly onMode: (mode: ToolbarMode) => void;
  /** Whether the keyboard reaches the buttons: only those of one message do. */
  readonly reachable: boolean;
  /** Whether the message is the reader's own. */
  readonly own: boolean;
  /** Whether the reader may delete it. */
  readonly deletable: boolean;
  readonly onReact: (emoji: string) => void;
  /** Asks for one emoji of all. */
  readonly onMoreEmojis: () => void;
  readonly onReply: () => void;
  readonly onLink: () => void;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
  /** It is not to be deleted after all. */
  readonly onKeep: () => void;
}

/** What can be done with a message: react, answer, copy its address; edit one's own; delete what one may. */
export function MessageToolbar(props: Props) {
  const { mode, onMode, reachable, own, deletable, onReact, onMoreEmojis, onReply, onLink, onEdit, onDelete, onKeep } =
    props;
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (mode !== "actions") {
      bar.current?.querySelector("button")?.focus();
    }
  }, [mode]);
  const tabIndex = reachable || mode !== "actions" ? 0 : -1;
  return (
    <div
      ref={bar}
      className="message-toolbar"
      data-open={mode !== "actions" || undefined}
      role="toolbar"
      aria-label={mode === "react" ? "Choose a reaction" : mode === "delete" ? "Delete this message?" : "Message"}
      onKeyDown={moveWithArrows}
    >
      {mode === "react" && (
        <>
          {emojis.map((emoji) => (
            <button key={emoji} type="button" className="toolbar-button toolbar-emoji" onClick={() => onReact(emoji)}>
              {emoji}
            </button>
          ))}
          <ToolbarButton icon="plus" label="More emojis" tabIndex={0} onClick={onMoreEmojis} />
        </>
      )}
      {mode === "delete" && (
        <>
          <span className="toolbar-question">Delete this message?</span>
          <button type="button" className="toolbar-button toolbar-word" data-kind="danger" onClick={onDelete}>
            Delete
          </button>
          <button type="button" className="toolbar-button toolbar-word" onClick={onKeep}>
            Keep
          </button>
        </>
      )}
      {mode === "actions" && (
        <>
          <ToolbarButton icon="react" label="React" shortcut="+" tabIndex={tabIndex} onClick={() => onMode("react")} />
          <ToolbarButton icon="reply" label="Reply" shortcut="r" tabIndex={tabIndex} onClick={onReply} />
          <ToolbarButton icon="link" label="Copy link" shortcut="l" tabIndex={tabIndex} onClick={onLink} />
          {own && <ToolbarButton icon="edit" label="Edit" shortcut="e" tabIndex={tabIndex} onClick={onEdit} />}
          {deletable && (
            <ToolbarButton
              icon="trash"
              label="Delete"
              shortcut="Delete"
              tabIndex={tabIndex}
              onClick={() => onMode("delete")}
            />
          )}
        </>
      )}
    </div>
  );
}

interface ToolbarButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly shortcut?: string;
  readonly tabIndex: number;
  readonly onClick: () => void;
}

function ToolbarButton({ icon, label, shortcut, tabIndex, onClick }: ToolbarButtonProps) {
  return (
    <button
      type="button"
      className="toolbar-button"
      tabIndex={tabIndex}
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut === undefined ? label : `${label} (${shortcut})`}
      onClick={onClick}
    >
      <Icon name={icon} size={17} />
    </button>
  );
}

/** Left and right go from button to button, as in every toolbar. */
function moveWithArrows(event: KeyboardEvent<HTMLDivElement>): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (step === 0) {
    return;
  }
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.findIndex((button) => button.matches(":focus"));
  buttons[(at + step + buttons.length) % buttons.length]?.focus();
  event.preventDefault();
}
