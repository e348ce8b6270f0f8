import { type ChatMessage, hasRole, type MessageView, type Room, type User } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useEffect, useMemo, useRef, useState } from "react";
import { messageKey } from "../../model/grouping.js";
import { problem } from "../../model/problem.js";
import { Composer } from "../Composer/Composer.js";
import { Message, type MessageActions } from "../Message/Message.js";
import { PendingMessage } from "../PendingMessage/PendingMessage.js";
import "./thread.css";

interface Props {
  readonly room: Room;
  /** The message that is answered. */
  readonly seq: number;
  readonly me: User | undefined;
  readonly live: boolean;
  readonly people: readonly User[];
  readonly editing: number | undefined;
  readonly actions: MessageActions;
}

/** A message and the answers to it, and where one answers. Mount it anew for another message. */
export function Thread(props: Props) {
  const { room, seq } = props;
  const [views, setViews] = useState<{ readonly answers: MessageView; readonly root: MessageView }>();
  useEffect(() => {
    const opened = { answers: room.thread(seq), root: room.around(seq) };
    setViews(opened);
    return () => {
      opened.answers.close();
      opened.root.close();
    };
  }, [room, seq]);
  return views === undefined ? null : <OpenThread {...props} {...views} />;
}

interface OpenProps extends Props {
  readonly answers: MessageView;
  readonly root: MessageView;
}

function OpenThread({ room, seq, me, live, people, editing, actions, answers, root }: OpenProps) {
  const { messages, hasOlder, hasNewer, loading, error } = useSnapshot(answers);
  const around = useSnapshot(root);
  const { pending, me: member } = useSnapshot(room);
  const list = useRef<HTMLDivElement>(null);
  const composer = useRef<HTMLTextAreaElement>(null);
  const [current, setCurrent] = useState<number>();
  const question = around.messages.find((message) => message.seq === seq);
  const mine = useMemo(() => pending.filter((message) => message.replyTo === seq), [pending, seq]);
  const count = messages.length + mine.length;

  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) {
      composer.current?.focus();
    }
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows what is added.
  useEffect(() => {
    list.current?.scrollTo(0, list.current.scrollHeight);
  }, [count]);

  const shared = {
    first: true,
    myId: me?.id ?? "",
    moderator: hasRole(member?.role ?? "visitor", "moderator"),
    sent: false,
    target: false,
    answered: undefined,
    actions,
  } as const;
  const message = (one: ChatMessage) => (
    <li key={messageKey(one)} onFocus={() => setCurrent(one.seq)}>
      <Message
        message={one.seq === seq || one.replyTo === seq ? plain(one) : one}
        current={one.seq === (current ?? messages.at(-1)?.seq ?? seq)}
        editing={one.seq === editing}
        {...shared}
      />
    </li>
  );
  return (
    <div className="thread">
      <div ref={list} className="thread-list">
        <ol aria-label="The message">{question !== undefined && message(question)}</ol>
        <p className="divider">
          <span>{count === 1 ? "1 reply" : `${count.toLocaleString()} replies`}</span>
        </p>
        {hasOlder && <More label="Older replies" loading={loading} onClick={() => void answers.loadOlder()} />}
        <ol aria-label="Replies">
          {messages.map(message)}
          {mine.map((one) => (
            <li key={one.clientId}>
              <PendingMessage message={one} first me={me} live={live} room={room} />
            </li>
          ))}
        </ol>
        {hasNewer && <More label="Newer replies" loading={loading} onClick={() => void answers.loadNewer()} />}
        {error !== undefined && (
          <p className="field-error" role="alert">
            {problem(error)}
          </p>
        )}
      </div>
      <Composer
        ref={composer}
        draft={`${room.id}/${seq}`}
        label="Reply"
        people={people}
        onSend={(text, mentions) => room.send(text, { replyTo: seq, mentions })}
        onTyping={(typing) => room.setTyping(typing)}
      />
    </div>
  );
}

const plainForms = new WeakMap<ChatMessage, ChatMessage>();

/** A message without what is clear in its thread: what it answers, and that there are answers. The same for the same. */
function plain(message: ChatMessage): ChatMessage {
  const known = plainForms.get(message);
  if (known !== undefined) {
    return known;
  }
  const { replyTo: _, thread: __, ...rest } = message;
  plainForms.set(message, rest);
  return rest;
}

interface MoreProps {
  readonly label: string;
  readonly loading: boolean;
  readonly onClick: () => void;
}

function More({ label, loading, onClick }: MoreProps) {
  return (
    <button type="button" className="text-button thread-more" disabled={loading} onClick={onClick}>
      {loading ? "Loading…" : label}
    </button>
  );
}
