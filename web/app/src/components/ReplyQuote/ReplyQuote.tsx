import type { ChatMessage } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { plainText } from "../../model/markdown.js";
import { useSession } from "../../session.js";
import { Icon } from "../Icon/Icon.js";
import "./reply-quote.css";

interface Props {
  readonly seq: number;
  /** The message that is answered, if it is loaded. */
  readonly message: ChatMessage | undefined;
  readonly reachable: boolean;
  readonly onOpen: () => void;
}

/** The message that another one answers, in one line, and the way to it. */
export function ReplyQuote({ seq, message, reachable, onOpen }: Props) {
  const blocked = useSnapshot(useSession().blocked);
  return (
    <button
      type="button"
      className="reply-quote"
      tabIndex={reachable ? 0 : -1}
      title="Go to this message"
      onClick={onOpen}
    >
      <Icon name="reply" size={14} />
      <span className="unseen">In reply to </span>
      {message === undefined ? (
        <span>message {seq.toLocaleString()}</span>
      ) : blocked.has(message.sender.id) ? (
        <span>somebody you blocked</span>
      ) : (
        <>
          <bdi className="reply-quote-name">{message.sender.name}</bdi>
          <bdi className="reply-quote-text">{gist(message)}</bdi>
        </>
      )}
    </button>
  );
}

/** A message in one line. */
export function gist(message: ChatMessage): string {
  if (message.deleted) {
    return "a message that was deleted";
  }
  return message.text === "" ? "data" : plainText(message.text.slice(0, 300));
}
