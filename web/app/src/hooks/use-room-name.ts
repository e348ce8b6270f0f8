import type { Room, RoomSnapshot } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useEffect } from "react";
import { roomName } from "../model/room-name.js";

/** Returns what to call a room. The people of a direct room are asked for where that takes it. */
export function useRoomName(room: Room, snapshot: RoomSnapshot, myId: string | undefined): string {
  const { members } = useSnapshot(room.members);
  const ask = snapshot.kind === "direct" && snapshot.status === "live" && members.length === 0;
  useEffect(() => {
    if (ask) {
      void room.members.load();
    }
  }, [room, ask]);
  return roomName(snapshot, members, myId);
}
