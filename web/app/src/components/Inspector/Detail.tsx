import { useEffect, useState } from "react";
import { copyText } from "../../hooks/use-message-actions.js";
import { Icon } from "../Icon/Icon.js";

interface Props {
  readonly label: string;
  readonly text: string;
  readonly onClose: () => void;
}

/** What is in a frame or a call, to be read and copied. */
export function Detail({ label, text, onClose }: Props) {
  const [copied, setCopied] = useState<boolean>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was copied was another text.
  useEffect(() => setCopied(undefined), [text]);
  return (
    <div className="inspector-chosen">
      <div className="inspector-chosen-actions">
        <button type="button" className="text-button" onClick={() => void copyText(text).then(setCopied)}>
          {copied === undefined ? "Copy" : copied ? "Copied" : "Not allowed"}
        </button>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close what was chosen">
          <Icon name="close" size={14} />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <section className="inspector-detail" tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
    </div>
  );
}
