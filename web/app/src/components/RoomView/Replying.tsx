import type { ChatMessage } from "@rialto/chat";
import { Icon } from "../Icon/Icon.js";
import { gist } from "../ReplyQuote/ReplyQuote.js";

/** Over the composer: which message one is about to answer. */
export function Replying({ message, onCancel }: { readonly message: ChatMessage; readonly onCancel: () => void }) {
  return (
    <p className="replying">
      <Icon name="reply" size={15} />
      <span className="replying-words">
        <span className="unseen">Replying to </span>
        <bdi className="replying-name">{message.sender.name}</bdi> <bdi>{gist(message)}</bdi>
      </span>
      <button type="button" className="icon-button" onClick={onCancel} aria-label="Do not reply">
        <Icon name="close" size={15} />
      </button>
    </p>
  );
}
