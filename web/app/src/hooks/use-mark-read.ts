import type { Room, RoomSnapshot } from "@rialto/chat";
import { useEffect, useState } from "react";

/** Marks a room as read while its end is looked at: in sight, in a window that has the focus. */
export function useMarkRead(room: Room, snapshot: RoomSnapshot, atEnd: boolean): void {
  const attentive = useAttentive();
  const head = snapshot.messages.at(-1)?.seq ?? 0;
  const due = attentive && atEnd && snapshot.status === "live" && head > snapshot.readSeq;
  useEffect(() => {
    if (due) {
      room.markRead(head);
    }
  }, [room, due, head]);
}

function useAttentive(): boolean {
  const [attentive, setAttentive] = useState(isAttentive);
  useEffect(() => {
    const update = () => setAttentive(isAttentive());
    addEventListener("focus", update);
    addEventListener("blur", update);
    document.addEventListener("visibilitychange", update);
    return () => {
      removeEventListener("focus", update);
      removeEventListener("blur", update);
      document.removeEventListener("visibilitychange", update);
    };
  }, []);
  return attentive;
}

function isAttentive(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}
