import type { Position } from "./cursor.js";
import type { Session } from "./session.js";
import type { ChatMessage, MessageView } from "./types.js";
import { RoomView, type ViewScope } from "./view.js";

/** The open views of a room's messages. The room tells them of its events. */
export class RoomViews {
  private readonly room: string;
  private readonly session: Session;
  private readonly position: () => Position | undefined;
  private readonly all = new Set<RoomView>();

  /** `position` returns that of the last event that the room took. */
  constructor(room: string, session: Session, position: () => Position | undefined) {
    this.room = room;
    this.session = session;
    this.position = position;
  }

  open(scope: ViewScope): MessageView {
    const view: RoomView = new RoomView(this.room, scope, this.session, {
      position: this.position,
      closed: () => this.all.delete(view),
    });
    this.all.add(view);
    return view;
  }

  /** A message changed, or was posted. */
  merge(message: ChatMessage): void {
    for (const view of this.all) {
      view.merge(message);
    }
  }

  /** A message was posted. */
  posted(message: ChatMessage): void {
    for (const view of this.all) {
      view.posted(message);
    }
  }

  /** Messages below this seq have left the room. */
  dropBelow(seq: number): void {
    for (const view of this.all) {
      view.dropBelow(seq);
    }
  }

  /** Events were missed. */
  reset(): void {
    for (const view of this.all) {
      view.reset();
    }
  }
}
