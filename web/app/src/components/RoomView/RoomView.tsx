import type { ChatMessage, Room } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { type Dispatch, type SetStateAction, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useMedia } from "../../hooks/use-media.js";
import { copyLink, useMessageActions } from "../../hooks/use-message-actions.js";
import { useMuted } from "../../hooks/use-muted.js";
import { usePast } from "../../hooks/use-past.js";
import { useResetNotice } from "../../hooks/use-reset-notice.js";
import { useRoomName } from "../../hooks/use-room-name.js";
import { navigate } from "../../hooks/use-route.js";
import { peopleOf } from "../../model/person.js";
import { notifyLevel, type Preferences } from "../../model/preferences.js";
import { slowModeNote, whyNoPosting } from "../../model/rights.js";
import { useSession } from "../../session.js";
import { Announcer } from "../Announcer/Announcer.js";
import { Composer } from "../Composer/Composer.js";
import { ConnectionBanner } from "../ConnectionBanner/ConnectionBanner.js";
import { Later } from "../Later/Later.js";
import { Details, EmojiDialog, Refused, Thread } from "../Later/parts.js";
import { Timeline, type TimelineHandle } from "../Timeline/Timeline.js";
import { TypingLine } from "../TypingLine/TypingLine.js";
import { Notice } from "./Notice.js";
import { Replying } from "./Replying.js";
import { RoomHeader } from "./RoomHeader.js";
import { SidePane } from "./SidePane.js";
import "./room-view.css";

interface Props {
  readonly room: Room;
  /** The seq of the message that the address names. */
  readonly target: number | undefined;
  readonly preferences: Preferences;
  readonly onPreferences: (change: Preferences) => void;
}

/** What the right pane shows: the room, or the answers to a message. */
type Side = { readonly pane: "details" } | { readonly pane: "thread"; readonly seq: number };

const details = { pane: "details" } as const;

/** The message that is open for editing, and where: the same one may be in both panes. */
interface Editing {
  readonly pane: "timeline" | "thread";
  readonly seq: number;
}

/** Returns what opens and closes the editor of a pane's message, the same functions each time. */
function useEditingIn(pane: Editing["pane"], set: Dispatch<SetStateAction<Editing | undefined>>) {
  const onEditing = useCallback((seq?: number) => set(seq === undefined ? undefined : { pane, seq }), [pane, set]);
  const onEdited = useCallback(
    // Another one may be open by now.
    (seq: number) => set((open) => (open?.pane === pane && open.seq === seq ? undefined : open)),
    [pane, set],
  );
  return { onEditing, onEdited };
}

/** An open room: its header, timeline and composer, and the pane beside them. Mount it anew for another room. */
export function RoomView({ room, target, preferences, onPreferences }: Props) {
  const { client, blocked } = useSession();
  const { user, connection } = useSnapshot(client);
  const snapshot = useSnapshot(room);
  const unheard = useSnapshot(blocked);
  const name = useRoomName(room, snapshot, user?.id);
  const past = usePast(room, target, snapshot.status === "live");
  const [editing, setEditing] = useState<Editing>();
  const [replying, setReplying] = useState<ChatMessage>();
  const [reactingTo, setReactingTo] = useState<ChatMessage>();
  const [notice, setNotice] = useState<string>();
  const wide = useMedia("(min-width: 68rem)");
  const [side, setSide] = useState<Side | undefined>();
  const timeline = useRef<TimelineHandle>(null);
  const composer = useRef<HTMLTextAreaElement>(null);
  const live = connection.status === "live";
  const people = useMemo(
    () => peopleOf({ online: snapshot.online, messages: snapshot.messages }).filter(({ id }) => id !== user?.id),
    [snapshot.online, snapshot.messages, user?.id],
  );
  const startReply = useCallback((message: ChatMessage) => {
    setReplying(message);
    composer.current?.focus();
  }, []);
  const openThread = useCallback((seq: number) => setSide({ pane: "thread", seq }), []);
  const shared = { onReply: startReply, onThread: openThread, onPickEmoji: setReactingTo, onNotice: setNotice };
  const actions = useMessageActions(room, { ...useEditingIn("timeline", setEditing), ...shared });
  const threadActions = useMessageActions(room, { ...useEditingIn("thread", setEditing), ...shared });

  useResetNotice(snapshot.reset, setNotice);
  useEffect(() => {
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) {
      composer.current?.focus();
      const end = composer.current?.value.length ?? 0;
      composer.current?.setSelectionRange(end, end);
    }
  }, []);

  const toPresent = () => navigate({ page: "room", room: room.id });
  const editLast = () => {
    // In the past it is not to be seen.
    timeline.current?.toEnd();
    const last = snapshot.messages.findLast((m) => m.sender.id === user?.id && !m.deleted && m.text !== "");
    actions.startEdit(last);
  };
  const send = (text: string, mentions: readonly string[]) => {
    room.send(text, { mentions, ...(replying === undefined ? {} : { replyTo: replying.seq }) });
    setReplying(undefined);
    timeline.current?.toEnd();
  };
  // Draws again when a mute ends.
  useMuted(snapshot.me);
  const closed = whyNoPosting(snapshot);
  const called = snapshot.kind === "direct" ? name : `#${room.id}`;
  const shown = side ?? (wide ? details : undefined);
  return (
    <>
      <ConnectionBanner
        connection={connection}
        missing={snapshot.status === "catching-up" ? snapshot.missing : 0}
        onConnect={() => client.connect()}
      />
      <main className="room" aria-label={name}>
        <RoomHeader
          snapshot={snapshot}
          name={name}
          onDetails={wide && side === undefined ? undefined : () => setSide(details)}
        />
        <Later>{snapshot.error !== undefined && <Refused room={room} error={snapshot.error} />}</Later>
        <Timeline
          key={past?.around}
          ref={timeline}
          room={room}
          snapshot={snapshot}
          name={called}
          past={past?.view}
          onPresent={toPresent}
          me={user}
          live={live}
          editing={editing?.pane === "timeline" ? editing.seq : undefined}
          target={target}
          actions={actions}
        />
        {notice !== undefined && <Notice text={notice} onDismiss={() => setNotice(undefined)} />}
        <TypingLine users={snapshot.typing.filter(({ id }) => !unheard.has(id))} note={slowModeNote(snapshot)} />
        {snapshot.error !== undefined ? null : closed === undefined ? (
          <>
            {replying !== undefined && <Replying message={replying} onCancel={() => setReplying(undefined)} />}
            <Composer
              ref={composer}
              draft={room.id}
              label={`Message ${called}`}
              people={people}
              onSend={send}
              onTyping={(typing) => room.setTyping(typing)}
              onEditLast={editLast}
              onEscape={() => setReplying(undefined)}
            />
          </>
        ) : (
          <p className="no-posting">{closed}</p>
        )}
        <Announcer messages={snapshot.messages} unheard={unheard} myId={user?.id} live={snapshot.status === "live"} />
      </main>
      {shown?.pane === "thread" && (
        <SidePane title="Thread" wide={wide} onClose={() => setSide(undefined)}>
          <Later>
            <Thread
              key={shown.seq}
              room={room}
              seq={shown.seq}
              me={user}
              live={live}
              people={people}
              editing={editing?.pane === "thread" ? editing.seq : undefined}
              actions={threadActions}
            />
          </Later>
        </SidePane>
      )}
      {shown?.pane === "details" && (
        <SidePane title="About this room" wide={wide} onClose={wide ? undefined : () => setSide(undefined)}>
          <Later>
            <Details
              room={room}
              snapshot={snapshot}
              me={user}
              stale={!live}
              level={notifyLevel(preferences, room.id)}
              onLevel={(level) => onPreferences({ levels: { [room.id]: level } })}
              onCopyLink={() => copyLink({ page: "room", room: room.id }, setNotice)}
              onNotice={setNotice}
            />
          </Later>
        </SidePane>
      )}
      <Later>
        {reactingTo !== undefined && (
          <EmojiDialog
            onChoose={(emoji) => {
              actions.react(reactingTo, emoji, true);
              setReactingTo(undefined);
            }}
            onClose={() => setReactingTo(undefined)}
          />
        )}
      </Later>
    </>
  );
}
