import { Icon } from "../Icon/Icon.js";

/** Something that the person should know and can dismiss. */
export function Notice({ text, onDismiss }: { readonly text: string; readonly onDismiss: () => void }) {
  return (
    <p className="notice" role="alert">
      <span>{text}</span>
      <button type="button" className="icon-button" onClick={onDismiss} aria-label="Dismiss this notice">
        <Icon name="close" size={16} />
      </button>
    </p>
  );
}
