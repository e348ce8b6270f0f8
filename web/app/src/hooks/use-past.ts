import type { MessageView, Room } from "@rialto/chat";
import { useEffect, useLayoutEffect, useRef, useState } from "react";

/** Messages around one far above the newest ones. */
export interface Past {
  readonly view: MessageView;
  /** The seq of that one. */
  readonly around: number;
}

/**
 * Opens the messages around the one that the address names, if it lies above those that are loaded; so the way there is as
 * short from anywhere. Returns them until one goes to the present, undefined while the present is what to show.
 *
 * `ready`: the room's newest messages are there, so that it can be said what lies above them.
 */
export function usePast(room: Room, target: number | undefined, ready: boolean): Past | undefined {
  const open = useRef<Past>(undefined);
  const [past, setPast] = useState<Past>();
  // Before the browser draws: else the present would flash up on the way.
  useLayoutEffect(() => {
    if (ready && !holds(open.current?.view, target)) {
      open.current?.view.close();
      const [oldest] = room.getSnapshot().messages;
      const above = target !== undefined && oldest !== undefined && target < oldest.seq;
      open.current = above ? { view: room.around(target), around: target } : undefined;
      setPast(open.current);
    }
  }, [room, target, ready]);
  useEffect(
    () => () => {
      open.current?.view.close();
      open.current = undefined;
    },
    [],
  );
  return past;
}

function holds(view: MessageView | undefined, target: number | undefined): boolean {
  return target !== undefined && (view?.getSnapshot().messages.some(({ seq }) => seq === target) ?? false);
}
