import { memo, type ReactNode } from "react";
import { linkify } from "../../model/links.js";
import "./message-text.css";

interface Props {
  readonly text: string;
  /** What is said about the text, after it. */
  readonly note?: ReactNode;
  /** Whether the keyboard reaches the links: of a list of messages only one's. */
  readonly reachable: boolean;
}

/** What a person typed: text, with its web addresses made links. Nothing in it is interpreted as anything else. */
export function MessageText({ text, note, reachable }: Props) {
  return (
    <p className="message-line" dir="auto">
      <Linked text={text} reachable={reachable} />
      {note !== undefined && <> {note}</>}
    </p>
  );
}

const Linked = memo(function Linked({ text, reachable }: Pick<Props, "text" | "reachable">) {
  return (
    <span className="message-text">
      {linkify(text).map((piece, i) =>
        piece.href === undefined ? (
          piece.text
        ) : (
          <a
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place.
            key={i}
            href={piece.href}
            target="_blank"
            rel="noopener noreferrer nofollow"
            dir="ltr"
            tabIndex={reachable ? 0 : -1}
          >
            {piece.text}
          </a>
        ),
      )}
    </span>
  );
});
