import { useSnapshot } from "@rialto/chat/react";
import { useState } from "react";
import type { Preferences } from "../../model/preferences.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { Icon } from "../Icon/Icon.js";
import { Later } from "../Later/Later.js";
import { CreateRoom, Invitations, Settings } from "../Later/parts.js";
import { Logo } from "../Logo/Logo.js";
import { RoomList } from "../RoomList/RoomList.js";
import "./sidebar.css";

interface Props {
  readonly room: string | undefined;
  readonly preferences: Preferences;
  readonly onPreferences: (change: Preferences) => void;
  /** Opens the quick switcher. */
  readonly onSwitch: () => void;
  /** Opens or closes the wire inspector; undefined if nobody wants it. */
  readonly onInspect: (() => void) | undefined;
}

/** The left pane: the rooms, and who one is. */
export function Sidebar({ room, preferences, onPreferences, onSwitch, onInspect }: Props) {
  const { client, directory } = useSession();
  const { user } = useSnapshot(client);
  const rooms = useSnapshot(directory);
  const [dialog, setDialog] = useState<"room" | "settings">();
  const name = preferences.name ?? "";
  const close = () => setDialog(undefined);
  return (
    <nav className="sidebar" aria-label="Rooms">
      <header className="sidebar-header">
        <Logo size={26} />
        {room === undefined ? <h1 className="sidebar-title">Rialto</h1> : <p className="sidebar-title">Rialto</p>}
        <button
          type="button"
          className="icon-button"
          onClick={onSwitch}
          aria-label="Go to a room"
          title="Go to a room (Ctrl K)"
        >
          <Icon name="search" />
        </button>
        <button
          type="button"
          className="icon-button"
          onClick={() => setDialog("room")}
          aria-label="New room"
          title="New room"
        >
          <Icon name="plus" />
        </button>
      </header>
      <div className="sidebar-rooms">
        <Later>{rooms.invitations.length > 0 && <Invitations invitations={rooms.invitations} />}</Later>
        <RoomList directory={rooms} current={room} preferences={preferences} />
      </div>
      <footer className="sidebar-footer">
        <button type="button" className="sidebar-me" onClick={() => setDialog("settings")} title="Settings">
          <Avatar user={{ id: user?.id ?? "", name, guest: false }} small />
          <bdi className="sidebar-name">{name}</bdi>
          <span className="unseen">: settings</span>
          <Icon name="settings" />
        </button>
        {onInspect !== undefined && (
          <button
            type="button"
            className="icon-button"
            onClick={onInspect}
            aria-label="Wire inspector"
            title="Wire inspector"
          >
            <Icon name="wire" />
          </button>
        )}
      </footer>
      <Later>
        {dialog === "room" && <CreateRoom onClose={close} />}
        {dialog === "settings" && <Settings preferences={preferences} onPreferences={onPreferences} onClose={close} />}
      </Later>
    </nav>
  );
}
