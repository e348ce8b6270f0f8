import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Icon } from "../Icon/Icon.js";
import "./dialog.css";

interface Props {
  readonly title: string;
  /** A card in the middle, or a drawer at the side. */
  readonly shape?: "card" | "drawer";
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/**
 * A modal dialog, open while it is there. The focus goes to its first field, if it has one; the browser keeps it inside
 * and gives it back afterwards.
 */
export function Dialog({ title, shape = "card", onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // At once: the next key is for it.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The browser would take the first button, Close. React's autoFocus comes too early: the dialog is not open yet.
    element?.querySelector("input")?.focus();
    return () => element?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard closes it with Escape, as onCancel hears.
    <dialog
      ref={dialog}
      className="dialog"
      data-shape={shape}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        // Unlike the browser, React also tells the dialog from which this one was opened.
        if (event.target === dialog.current) {
          onClose();
        }
      }}
      onClick={(event) => {
        // The dialog's own box is covered by its content: this is a click on the backdrop.
        if (event.target === dialog.current) {
          onClose();
        }
      }}
    >
      <div className="dialog-content">
        <header className="dialog-header">
          <h2 id={titleId}>
            <bdi>{title}</bdi>
          </h2>
          <button type="button" className="icon-button" onClick={onClose} aria-label="Close">
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
