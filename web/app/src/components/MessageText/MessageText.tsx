import { memo } from "react";
import { linkify } from "../../model/links.js";
import "./message-text.css";

/** What a person typed: text, with its web addresses made links. Nothing in it is interpreted as anything else. */
export const MessageText = memo(function MessageText({ text }: { readonly text: string }) {
  return (
    <p className="message-text" dir="auto">
      {linkify(text).map((piece, i) =>
        piece.href === undefined ? (
          piece.text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place.
          <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer nofollow" dir="ltr">
            {piece.text}
          </a>
        ),
      )}
    </p>
  );
});
