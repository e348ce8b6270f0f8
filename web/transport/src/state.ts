import type { ConnectError } from "@connectrpc/connect";

/**
 * Why there is no connection:
 *
 * - `unreachable`: it could not be made;
 * - `lost`: it broke;
 * - `silent`: the server fell silent and did not answer a probe;
 * - `going-away`: the server said that it goes away;
 * - `refused`: another try would end in the same way.
 */
export type LossReason = "unreachable" | "lost" | "silent" | "going-away" | "refused";

/** How the last connection, or the try to make one, ended. */
export interface Loss {
  readonly reason: LossReason;
  readonly error: ConnectError;
}

/**
 * What a user interface shows of the connection:
 *
 * - `idle`: there is none, and nobody needs one; `loss` says how the last one ended, if badly;
 * - `connecting`: the socket is being opened;
 * - `connected`: the server has answered;
 * - `waiting`: the connection was lost or could not be made; the next try is at `retryAtMs` (as `Date.now` counts), at once
 *   when the browser comes online or the page is looked at again;
 * - `closed`: by `close`, for good.
 */
export type ConnectionState =
  | { readonly status: "idle"; readonly loss?: Loss }
  | { readonly status: "connecting" }
  | { readonly status: "connected" }
  | { readonly status: "waiting"; readonly retryAtMs: number; readonly loss: Loss }
  | { readonly status: "closed" };

export type StateListener = (state: ConnectionState) => void;

/** The state and who wants to know of it. A state is never changed, only replaced, so that `===` tells. */
export class StateStore {
  private readonly listeners = new Set<StateListener>();
  private current: ConnectionState = { status: "idle" };

  get state(): ConnectionState {
    return this.current;
  }

  /** Calls the listener after every change. Returns the function that ends this. */
  subscribe(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Replaces the state; one that says the same changes nothing. */
  set(next: ConnectionState): void {
    if (!isSame(this.current, next)) {
      this.current = next;
      for (const listener of [...this.listeners]) {
        notify(() => listener(next));
      }
    }
  }
}

/** Calls what belongs to the page: what it throws is the page's error, and must not disturb the connection. */
export function notify(listener: () => void): void {
  try {
    listener();
  } catch (reason) {
    queueMicrotask(() => {
      throw reason;
    });
  }
}

function isSame(a: ConnectionState, b: ConnectionState): boolean {
  const lossOf = (state: ConnectionState) => ("loss" in state ? state.loss : undefined);
  const retryOf = (state: ConnectionState) => (state.status === "waiting" ? state.retryAtMs : undefined);
  return a.status === b.status && lossOf(a) === lossOf(b) && retryOf(a) === retryOf(b);
}
