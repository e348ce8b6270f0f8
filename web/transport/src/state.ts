import type { ConnectError } from "@connectrpc/connect";

/**
 * What a user interface shows of the connection:
 *
 * - `idle`: there is none, and nobody needs one; `error` says how the last one ended, if badly;
 * - `connecting`: the socket is being opened;
 * - `connected`: the server has answered;
 * - `waiting`: the connection was lost or could not be made; the next try is at `retryAtMs` (as `Date.now` counts), at once
 *   when the browser comes online or the page is looked at again;
 * - `closed`: by `close`, for good.
 */
export type ConnectionState =
  | { readonly status: "idle"; readonly error?: ConnectError }
  | { readonly status: "connecting" }
  | { readonly status: "connected" }
  | { readonly status: "waiting"; readonly retryAtMs: number; readonly error: ConnectError }
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
        notify(listener, next);
      }
    }
  }
}

// What a listener throws is the page's error, and must not disturb the connection.
function notify(listener: StateListener, state: ConnectionState): void {
  try {
    listener(state);
  } catch (reason) {
    queueMicrotask(() => {
      throw reason;
    });
  }
}

function isSame(a: ConnectionState, b: ConnectionState): boolean {
  const errorOf = (state: ConnectionState) => ("error" in state ? state.error : undefined);
  const retryOf = (state: ConnectionState) => (state.status === "waiting" ? state.retryAtMs : undefined);
  return a.status === b.status && errorOf(a) === errorOf(b) && retryOf(a) === retryOf(b);
}
