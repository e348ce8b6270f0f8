import { useState } from "react";
import { useStore } from "../../hooks/use-store.js";
import type { Preferences } from "../../model/preferences.js";
import { useSession } from "../../session.js";
import { Avatar } from "../Avatar/Avatar.js";
import { CreateRoom } from "../CreateRoom/CreateRoom.js";
import { Dialog } from "../Dialog/Dialog.js";
import { Icon } from "../Icon/Icon.js";
import { Logo } from "../Logo/Logo.js";
import { NameForm } from "../NameForm/NameForm.js";
import { RoomList } from "../RoomList/RoomList.js";
import { ThemeButton } from "../ThemeButton/ThemeButton.js";
import "./sidebar.css";

interface Props {
  readonly room: string | undefined;
  readonly preferences: Preferences;
  readonly onPreferences: (change: Preferences) => void;
}

/** The left pane: the rooms, and who one is. */
export function Sidebar({ room, preferences, onPreferences }: Props) {
  const { client, directory } = useSession();
  const { user } = useStore(client);
  const rooms = useStore(directory);
  const [dialog, setDialog] = useState<"room" | "name">();
  const name = preferences.name ?? "";
  const close = () => setDialog(undefined);
  return (
    <nav className="sidebar" aria-label="Rooms">
      <header className="sidebar-header">
        <Logo size={26} />
        <h1>Rialto</h1>
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
        <RoomList directory={rooms} current={room} />
      </div>
      <footer className="sidebar-footer">
        <button type="button" className="sidebar-me" onClick={() => setDialog("name")} title="Change your name">
          <Avatar user={{ id: user?.id ?? "", name, guest: false }} small />
          <bdi className="sidebar-name">{name}</bdi>
          <span className="unseen">: change your name</span>
        </button>
        <ThemeButton theme={preferences.theme ?? "system"} onChange={(theme) => onPreferences({ theme })} />
      </footer>
      {dialog === "room" && <CreateRoom onClose={close} />}
      {dialog === "name" && (
        <Dialog title="Your name" onClose={close}>
          <NameForm
            name={name}
            action="Save"
            onChoose={(chosen) => {
              onPreferences({ name: chosen });
              close();
            }}
          />
        </Dialog>
      )}
    </nav>
  );
}
