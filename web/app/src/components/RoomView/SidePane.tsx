import type { ReactNode } from "react";
import { useId } from "react";
import { Dialog } from "../Dialog/Dialog.js";
import { Icon } from "../Icon/Icon.js";

interface Props {
  readonly title: string;
  /** Whether there is space for it beside the room; otherwise it comes over it. */
  readonly wide: boolean;
  /** Closes it; undefined where it always stays. */
  readonly onClose: (() => void) | undefined;
  readonly children: ReactNode;
}

/** The pane beside the room, or the drawer over it. */
export function SidePane({ title, wide, onClose, children }: Props) {
  const id = useId();
  if (!wide) {
    return (
      <Dialog title={title} shape="drawer" onClose={() => onClose?.()}>
        {children}
      </Dialog>
    );
  }
  return (
    <aside className="side-pane" aria-labelledby={id}>
      <header className="side-pane-header">
        <h2 id={id}>
          <bdi>{title}</bdi>
        </h2>
        {onClose !== undefined && (
          <button type="button" className="icon-button" onClick={onClose} aria-label="Close">
            <Icon name="close" />
          </button>
        )}
      </header>
      {children}
    </aside>
  );
}
