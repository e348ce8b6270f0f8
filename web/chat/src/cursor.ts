import type { JoinResult } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { type Event, type Snapshot, SnapshotReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import type { RoomStatus } from "./types.js";

/** A place in a room's events. `rev` means nothing without its epoch. */
export interface Position {
  readonly epoch: string;
  readonly rev: number;
}

/** What an event with a rev, or a snapshot, means for who follows the room. */
export type Step =
  /** The next one: take what it brings. */
  | { readonly kind: "next" }
  /** It was here before. */
  | { readonly kind: "repeat" }
  /** Something is missing before it: take nothing, join again at `position`. */
  | { readonly kind: "gap" }
  /** A part of a snapshot that is not whole yet. */
  | { readonly kind: "part" }
  /** Drop everything and take this. */
  | { readonly kind: "reset"; readonly snapshot: Snapshot; readonly newEpoch: boolean };

/**
 * Follows a room's events: knows where they are, that none is missing, and how far the join is. Only events move the
 * position (Event in the API); replies to a join say only how far there is to go.
 */
export class Cursor {
  private at: Position | undefined;
  private parts: Snapshot[] = [];
  private phase: "idle" | "waiting" | "answered" = "idle";
  /** The room's head when it was joined, and whether a snapshot must come first. */
  private target: Position = { epoch: "", rev: 0 };
  private snapshotDue = false;
  /** A snapshot became whole since the join was sent: it may be faster than the reply. */
  private snapshotCame = false;

  /** The last event taken; undefined before the first snapshot. */
  get position(): Position | undefined {
    return this.at;
  }

  get status(): RoomStatus {
    if (this.phase === "answered") {
      return this.caughtUp ? "live" : "catching-up";
    }
    return this.phase === "waiting" ? "joining" : "idle";
  }

  /** How many changes are still to come; 0 when that is not known. */
  get missing(): number {
    return this.phase === "answered" && !this.snapshotDue && this.at ? Math.max(0, this.target.rev - this.at.rev) : 0;
  }

  /** The room is wanted: a join was sent, or will be as soon as there is a connection. */
  waiting(): void {
    this.phase = "waiting";
    this.parts = [];
    this.snapshotCame = false;
  }

  /** The room is not wanted, or was refused. The position stays. */
  idle(): void {
    this.phase = "idle";
    this.parts = [];
  }

  /** Nothing that was taken is held any more. */
  forget(): void {
    this.at = undefined;
  }

  /** The present join was answered. */
  answered(result: JoinResult): void {
    this.phase = "answered";
    this.target = { epoch: result.epoch, rev: Number(result.room?.headRev ?? 0n) };
    this.snapshotDue = !result.resumed && !this.snapshotCame;
  }

  /** Takes an event that is a snapshot or has a rev. */
  take(event: Event): Step {
    if (event.kind.case === "snapshot") {
      return this.takeSnapshot(event.kind.value, Number(event.rev));
    }
    const rev = Number(event.rev);
    if (!this.at || this.parts.length > 0 || rev > this.at.rev + 1) {
      this.parts = [];
      return { kind: "gap" };
    }
    if (rev <= this.at.rev) {
      return { kind: "repeat" };
    }
    this.at = { epoch: this.at.epoch, rev };
    return { kind: "next" };
  }

  private takeSnapshot(part: Snapshot, rev: number): Step {
    if (!part.continued) {
      this.parts = [];
    } else if (this.parts.length === 0) {
      return { kind: "gap" };
    }
    this.parts.push(part);
    if (part.more) {
      return { kind: "part" };
    }
    const snapshot: Snapshot = { ...part, messages: this.parts.flatMap(({ messages }) => messages) };
    this.parts = [];
    // A server that never reached our position tells another history, whatever it calls it.
    const unknown = snapshot.reason === SnapshotReason.UNKNOWN_POSITION;
    const newEpoch = this.at !== undefined && (unknown || this.at.epoch !== snapshot.epoch);
    this.at = { epoch: snapshot.epoch, rev };
    this.snapshotCame = true;
    this.snapshotDue = false;
    return { kind: "reset", snapshot, newEpoch };
  }

  private get caughtUp(): boolean {
    return !this.snapshotDue && this.at?.epoch === this.target.epoch && this.at.rev >= this.target.rev;
  }
}
