import { roomIdPattern } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { navigate } from "../../hooks/use-route.js";
import { isComposing } from "../../model/composing.js";
import { matchRank } from "../../model/match.js";
import { slug } from "../../model/room-id.js";
import { useSession } from "../../session.js";
import { Dialog } from "../Dialog/Dialog.js";
import "./quick-switcher.css";

interface Choice {
  readonly id: string;
  readonly name: string;
  readonly unread: number;
  readonly isNew?: boolean;
}

/** How many rooms are shown. */
const most = 12;

interface Props {
  /** The letters so far. */
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onClose: () => void;
}

/** Finds a room by a few letters and goes there, by the keyboard alone. */
export function QuickSwitcher({ text, onText, onClose }: Props) {
  const { directory } = useSession();
  const { rooms } = useSnapshot(directory);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [index, setIndex] = useState(0);
  const choices = choose(rooms, text);
  const selected = Math.min(index, choices.length - 1);

  useEffect(() => {
    void directory.refresh();
  }, [directory]);
  useEffect(() => {
    list.current?.children[selected]?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  const go = (choice: Choice | undefined) => {
    if (choice !== undefined) {
      onClose();
      navigate({ page: "room", room: choice.id });
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && choices.length > 0) {
      event.preventDefault();
      setIndex((selected + step + choices.length) % choices.length);
    } else if (event.key === "Enter" && !isComposing(event.nativeEvent)) {
      event.preventDefault();
      go(choices[selected]);
    }
  };
  return (
    <Dialog title="Go to a room" onClose={onClose}>
      <input
        className="switcher-field"
        role="combobox"
        aria-label="Room"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={choices.length > 0 ? `${id}-${selected}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="A few letters of its name"
        value={text}
        onChange={(event) => {
          onText(event.target.value);
          setIndex(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={id} className="switcher-list" role="listbox" aria-label="Rooms">
        {choices.map((choice, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and names the active option.
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys.
          <div
            key={choice.id}
            id={`${id}-${i}`}
            className="switcher-choice"
            role="option"
            aria-selected={i === selected}
            onPointerMove={() => setIndex(i)}
            onClick={() => go(choice)}
          >
            <span className="switcher-hash" aria-hidden="true">
              #
            </span>
            <bdi className="switcher-name">{choice.name}</bdi>
            {choice.isNew && <span className="switcher-note">open a new room</span>}
            {choice.unread > 0 && (
              <span className="badge">
                {choice.unread > 99 ? "99+" : choice.unread}
                <span className="unseen"> unread</span>
              </span>
            )}
          </div>
        ))}
      </div>
      {choices.length === 0 && (
        <p className="switcher-none" role="status">
          No room answers to this.
        </p>
      )}
    </Dialog>
  );
}

function choose(rooms: readonly Choice[], typed: string): Choice[] {
  const ranked = rooms
    .map((room) => ({ room, rank: Math.min(matchRank(room.name, typed) ?? 9, matchRank(room.id, typed) ?? 9) }))
    .filter(({ rank }) => rank < 9)
    // Rooms come by activity, and a stable sort keeps that within a rank.
    .sort((a, b) => a.rank - b.rank)
    .map(({ room }) => room);
  const id = slug(typed);
  const isNew = roomIdPattern.test(id) && !rooms.some((room) => room.id === id);
  return [...ranked.slice(0, most), ...(isNew ? [{ id, name: id, unread: 0, isNew }] : [])];
}
