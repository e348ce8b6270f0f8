import type { Room } from "@rialto/chat";
import { useEffect, useRef, useState } from "react";
import { useMedia } from "../../hooks/use-media.js";
import { useMessageActions } from "../../hooks/use-message-actions.js";
import { useStore } from "../../hooks/use-store.js";
import { problem } from "../../model/problem.js";
import { useSession } from "../../session.js";
import { Announcer } from "../Announcer/Announcer.js";
import { Composer } from "../Composer/Composer.js";
import { ConnectionBanner } from "../ConnectionBanner/ConnectionBanner.js";
import { Dialog } from "../Dialog/Dialog.js";
import { Icon } from "../Icon/Icon.js";
import { People } from "../People/People.js";
import { Timeline, type TimelineHandle } from "../Timeline/Timeline.js";
import { TypingLine } from "../TypingLine/TypingLine.js";
import { RoomHeader } from "./RoomHeader.js";
import "./room-view.css";

interface Props {
  readonly room: Room;
  /** The seq of the message that the address names. */
  readonly target: number | undefined;
}

/** An open room: its header, timeline and composer, and who is here. Mount it anew for another room. */
export function RoomView({ room, target }: Props) {
  const { client } = useSession();
  const { user, connection } = useStore(client);
  const snapshot = useStore(room);
  const [editing, setEditing] = useState<number>();
  const [notice, setNotice] = useState<string>();
  const [peopleOpen, setPeopleOpen] = useState(false);
  const timeline = useRef<TimelineHandle>(null);
  const composer = useRef<HTMLTextAreaElement>(null);
  const wide = useMedia("(min-width: 68rem)");
  const actions = useMessageActions(room, { onEditing: setEditing, onFailure: setNotice });

  useEffect(() => {
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) {
      composer.current?.focus();
      const end = composer.current?.value.length ?? 0;
      composer.current?.setSelectionRange(end, end);
    }
  }, []);

  const editLast = () => {
    const last = snapshot.messages.findLast((m) => m.sender.id === user?.id && !m.deleted && m.text !== "");
    setEditing(last?.seq);
  };
  const people = (
    <People
      online={snapshot.online}
      count={snapshot.onlineCount}
      myId={user?.id}
      stale={connection.status !== "live"}
    />
  );
  return (
    <>
      <ConnectionBanner
        connection={connection}
        missing={snapshot.status === "catching-up" ? snapshot.missing : 0}
        onConnect={() => client.connect()}
      />
      <main className="room" aria-label={snapshot.title === "" ? snapshot.id : snapshot.title}>
        <RoomHeader snapshot={snapshot} onPeople={wide ? undefined : () => setPeopleOpen(true)} />
        {snapshot.error !== undefined && (
          <p className="notice" role="alert">
            This room cannot be joined. {problem(snapshot.error)}
          </p>
        )}
        <Timeline
          ref={timeline}
          room={room}
          snapshot={snapshot}
          me={user}
          live={connection.status === "live"}
          editing={editing}
          target={target}
          actions={actions}
        />
        {notice !== undefined && (
          <p className="notice" role="alert">
            <span>{notice}</span>
            <button
              type="button"
              className="icon-button"
              onClick={() => setNotice(undefined)}
              aria-label="Dismiss this notice"
            >
              <Icon name="close" size={16} />
            </button>
          </p>
        )}
        <TypingLine users={snapshot.typing} />
        <Composer
          ref={composer}
          roomId={room.id}
          onSend={(text) => {
            room.send(text);
            timeline.current?.toEnd();
          }}
          onTyping={(typing) => room.setTyping(typing)}
          onEditLast={editLast}
        />
        <Announcer messages={snapshot.messages} myId={user?.id} live={snapshot.status === "live"} />
      </main>
      {wide ? (
        <aside className="people-pane" aria-labelledby="people-title">
          <h2 id="people-title">Here now · {snapshot.onlineCount.toLocaleString()}</h2>
          {people}
        </aside>
      ) : (
        peopleOpen && (
          <Dialog
            title={`Here now · ${snapshot.onlineCount.toLocaleString()}`}
            shape="drawer"
            onClose={() => setPeopleOpen(false)}
          >
            {people}
          </Dialog>
        )
      )}
    </>
  );
}
