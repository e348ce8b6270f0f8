import type { ChatMessage, User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { type KeyboardEvent, memo, useMemo, useRef, useState } from "react";
import { clockTime, fullTime } from "../../model/times.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Icon } from "../Icon/Icon.js";
import { Later } from "../Later/Later.js";
import { MessageEditor, MessageToolbar } from "../Later/parts.js";
import { MessageText } from "../MessageText/MessageText.js";
import type { ToolbarMode } from "../MessageToolbar/MessageToolbar.js";
import { PersonName } from "../PersonName/PersonName.js";
import { Reactions } from "../Reactions/Reactions.js";
import { ReplyQuote } from "../ReplyQuote/ReplyQuote.js";
import "./message.css";

/** What can be done with messages. The same object for all of them, and from one drawing to the next. */
export interface MessageActions {
  readonly react: (message: ChatMessage, emoji: string, on: boolean) => void;
  /** Opens a message of one's own for editing, or, with undefined, closes it. */
  readonly startEdit: (message: ChatMessage | undefined) => void;
  readonly edit: (message: ChatMessage, text: string, mentions: readonly string[]) => void;
  /** What was typed in the open editor, kept while its message is not in the document; by seq. */
  readonly editorDrafts: Map<number, string>;
  readonly remove: (message: ChatMessage) => void;
  /** Begins an answer. */
  readonly reply: (message: ChatMessage) => void;
  /** Shows the answers. */
  readonly openThread: (seq: number) => void;
  readonly copyLink: (message: ChatMessage) => void;
  /** Goes to a message. */
  readonly goTo: (seq: number) => void;
  /** Asks for one emoji of all, to react with. */
  readonly pickEmoji: (message: ChatMessage) => void;
  readonly nameOf: (userId: string) => string | undefined;
  /** Who can be named behind an @. */
  readonly people: () => readonly User[];
}

interface Props {
  readonly message: ChatMessage;
  /** The message that it answers, if that is loaded. */
  readonly answered: ChatMessage | undefined;
  /** Whether it is the first of its author's group and shows who speaks. */
  readonly first: boolean;
  readonly myId: string;
  /** Whether the reader may delete what others say. */
  readonly moderator: boolean;
  /** Whether it is the one message that Tab reaches; the arrow keys go on from there. */
  readonly current: boolean;
  readonly editing: boolean;
  /** Whether to say that it arrived. */
  readonly sent: boolean;
  /** Whether the address names it. */
  readonly target: boolean;
  readonly actions: MessageActions;
}

/** A message in the timeline; one line in its place while its author is blocked and nobody wants to see it. */
export const Message = memo(function Message(props: Props) {
  const blocked = useSnapshot(useSession().blocked).has(props.message.sender.id);
  const [asked, setAsked] = useState(false);
  if (!blocked) {
    return <OpenMessage {...props} />;
  }
  // Whoever speaks is named with each: which others are open is not known here.
  return asked ? <OpenMessage {...props} first /> : <HiddenMessage {...props} onShow={() => setAsked(true)} />;
});

interface HiddenProps extends Pick<Props, "message" | "current"> {
  readonly onShow: () => void;
}

function HiddenMessage({ message, current, onShow }: HiddenProps) {
  const words = "Message from somebody you blocked";
  return (
    <article className="message" data-seq={message.seq} tabIndex={current ? 0 : -1} aria-label={words}>
      <p className="message-note message-hidden">
        {words} –{" "}
        <button type="button" className="text-button" tabIndex={current ? 0 : -1} onClick={onShow}>
          show
        </button>
      </p>
    </article>
  );
}

/** All that can be done with a message by mouse, touch and keyboard. */
function OpenMessage(props: Props) {
  const { message, answered, first, myId, moderator, current, editing, sent, target, actions } = props;
  const article = useRef<HTMLElement>(null);
  const [hovered, setHovered] = useState(false);
  const [mode, setMode] = useState<ToolbarMode>("actions");
  const own = message.sender.id === myId;
  const deletable = own || moderator;

  const backToMessage = () => {
    setMode("actions");
    article.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && mode !== "actions") {
      backToMessage();
    } else if (event.target !== article.current || event.ctrlKey || event.metaKey || event.altKey || message.deleted) {
      return;
    } else if (event.key === "r") {
      actions.reply(message);
    } else if (event.key === "t") {
      actions.openThread(message.seq);
    } else if (event.key === "l") {
      actions.copyLink(message);
    } else if (event.key === "+") {
      setMode("react");
    } else if (event.key === "e" && own) {
      actions.startEdit(message);
    } else if (event.key === "Delete" && deletable) {
      setMode("delete");
    } else {
      return;
    }
    event.preventDefault();
  };
  const mentioned = message.mentions.includes(myId) && !own;
  const toggle = (emoji: string, mine: boolean) => actions.react(message, emoji, !mine);

  return (
    <article
      ref={article}
      className="message"
      data-first={first || undefined}
      data-own={own || undefined}
      data-mentioned={mentioned || undefined}
      data-target={target || undefined}
      data-seq={message.seq}
      tabIndex={current ? 0 : -1}
      aria-label={label(message)}
      onKeyDown={onKeyDown}
      onPointerEnter={() => setHovered(true)}
      onPointerLeave={() => setHovered(false)}
    >
      {first ? <Avatar user={message.sender} /> : <Time className="message-gutter-time" time={message.createTime} />}
      <div className="message-body">
        {first && (
          <header className="message-header">
            <PersonName user={message.sender} me={own} />
            <Time className="message-time" time={message.createTime} />
          </header>
        )}
        {message.replyTo !== undefined && (
          <ReplyQuote
            seq={message.replyTo}
            message={answered}
            reachable={current}
            onOpen={() => actions.goTo(message.replyTo ?? 0)}
          />
        )}
        {editing ? (
          <Later>
            <MessageEditor message={message} actions={actions} />
          </Later>
        ) : (
          <Content message={message} myId={myId} nameOf={actions.nameOf} reachable={current} />
        )}
        {message.reactions.length > 0 && (
          <Reactions
            reactions={message.reactions}
            myId={myId}
            nameOf={actions.nameOf}
            reachable={current}
            onToggle={toggle}
          />
        )}
        {message.thread !== undefined && (
          <button
            type="button"
            className="message-thread"
            tabIndex={current ? 0 : -1}
            onClick={() => actions.openThread(message.seq)}
          >
            <Icon name="thread" size={15} />
            <span>{message.thread.count === 1 ? "1 reply" : `${message.thread.count.toLocaleString()} replies`}</span>
          </button>
        )}
        {sent && (
          <p className="message-state" title="Sent">
            <Icon name="check" size={14} />
            <span className="unseen">Sent</span>
          </p>
        )}
      </div>
      <Later>
        {!editing && !message.deleted && (current || hovered || mode !== "actions") && (
          <MessageToolbar
            mode={mode}
            onMode={setMode}
            reachable={current}
            own={own}
            deletable={deletable}
            onReply={() => {
              setMode("actions");
              actions.reply(message);
            }}
            onLink={() => actions.copyLink(message)}
            onMoreEmojis={() => {
              backToMessage();
              actions.pickEmoji(message);
            }}
            onReact={(emoji) => {
              actions.react(message, emoji, !reactedBy(message, emoji, myId));
              backToMessage();
            }}
            onEdit={() => {
              backToMessage();
              actions.startEdit(message);
            }}
            onDelete={() => {
              actions.remove(message);
              backToMessage();
            }}
            onKeep={backToMessage}
          />
        )}
      </Later>
    </article>
  );
}

interface ContentProps {
  readonly message: ChatMessage;
  readonly myId: string;
  readonly nameOf: (userId: string) => string | undefined;
  readonly reachable: boolean;
}

function Content({ message, myId, nameOf, reachable }: ContentProps) {
  const mentions = useMemo(
    () => message.mentions.map((userId) => ({ userId, name: nameOf(userId) ?? "" })).filter(({ name }) => name !== ""),
    [message.mentions, nameOf],
  );
  if (message.deleted) {
    return <p className="message-note">This message was deleted.</p>;
  }
  if (message.data !== undefined) {
    return <p className="message-note">Data for programs ({message.data.type})</p>;
  }
  if (message.text === "") {
    return <p className="message-note">A kind of message that this version does not know.</p>;
  }
  const { text, editTime } = message;
  const note = editTime === undefined ? undefined : <Edited time={editTime} />;
  return <MessageText text={text} mentions={mentions} myId={myId} note={note} reachable={reachable} />;
}

function Edited({ time }: { readonly time: Date }) {
  return (
    <span className="message-edited" title={`Edited ${fullTime(time, new Date())}`}>
      (edited)
    </span>
  );
}

/** A time of day; all else about it when the pointer rests there. */
function Time({ time, className }: { readonly time: Date; readonly className: string }) {
  const [title, setTitle] = useState<string>();
  // How long ago is only right at the moment it is asked for.
  const ask = () => setTitle(fullTime(time, new Date()));
  return (
    <time className={className} dateTime={time.toISOString()} title={title} onPointerEnter={ask}>
      {clockTime(time)}
    </time>
  );
}

function label(message: ChatMessage): string {
  const text = message.deleted ? "deleted" : message.text.slice(0, 300);
  return `${message.sender.name}, ${clockTime(message.createTime)}: ${text}`;
}

function reactedBy(message: ChatMessage, emoji: string, userId: string): boolean {
  return message.reactions.some((reaction) => reaction.emoji === emoji && reaction.userIds.includes(userId));
}
