// What tabs of one browser tell each other. One of them is the host, which has the connection; the others are its guests.

import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectionState } from "@rialto/transport";

/** On the channel that all tabs hear. */
export type Announcement =
  /** Somebody is new: who is the host? */
  | { readonly kind: "who" }
  /** This tab is. */
  | { readonly kind: "host"; readonly host: string }
  /** This tab is a guest of that one; from here on they have a channel to themselves. */
  | { readonly kind: "join"; readonly host: string; readonly guest: string };

/** From a guest to its host. `call` is a number of the guest's choice, never used again. */
export type GuestMessage =
  | { readonly kind: "connect" }
  | { readonly kind: "ping" }
  | { readonly kind: "bye" }
  | OpenMessage
  | { readonly kind: "message"; readonly call: number; readonly bytes: Uint8Array }
  | { readonly kind: "half-close"; readonly call: number }
  | { readonly kind: "abort"; readonly call: number }
  /** A message of the call was taken: one more may come. */
  | { readonly kind: "taken"; readonly call: number };

/** Begins a call; one with `message` is unary. */
export interface OpenMessage {
  readonly kind: "open";
  readonly call: number;
  /** "package.Service/Method". */
  readonly method: string;
  readonly header: readonly (readonly [string, string])[];
  readonly timeoutMs: number | undefined;
  readonly message?: Uint8Array;
}

/** Returns a method's full name, "package.Service/Method". */
export function methodName({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

/** From a host to a guest. */
export type HostMessage =
  | { readonly kind: "state"; readonly state: PlainState }
  | { readonly kind: "pong" }
  | { readonly kind: "message"; readonly call: number; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly call: number; readonly error?: PlainError }
  | { readonly kind: "taken"; readonly call: number };

/** How long the host may take to answer, in ms; one that is frozen never does. */
export const hostTimeoutMs = 3_000;

/** How many messages of a call may be on their way before the first was taken: a tab that is frozen does not fill up. */
export const windowMessages = 32;

/** An error as it can be cloned. */
export interface PlainError {
  readonly code: Code;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: Uint8Array }[];
  readonly wire: boolean;
}

/** The transport's state as it can be cloned: its loss holds an error. */
export type PlainState = Omit<ConnectionState, "loss"> & {
  readonly retryAtMs?: number;
  readonly loss?: { readonly reason: string; readonly error: PlainError };
};

export function toPlainError(reason: unknown): PlainError {
  const error = ConnectError.from(reason);
  // Those that are to be sent have no bytes yet; a client has none of them.
  const details = error.details.flatMap((detail) =>
    "type" in detail ? [{ type: detail.type, value: detail.value }] : [],
  );
  return { code: error.code, message: error.rawMessage, details, wire: error.isWireError };
}

export function fromPlainError({ code, message, details, wire }: PlainError): ConnectError {
  const error = new ConnectError(message, code);
  error.details = details.map(({ type, value }) => ({ type, value }));
  error.isWireError = wire;
  return error;
}

export function toPlainState(state: ConnectionState): PlainState {
  if (!("loss" in state) || !state.loss) {
    return { status: state.status };
  }
  const { loss, ...rest } = state;
  return { ...rest, loss: { reason: loss.reason, error: toPlainError(loss.error) } };
}

export function fromPlainState({ loss, ...rest }: PlainState): ConnectionState {
  const state = loss ? { ...rest, loss: { ...loss, error: fromPlainError(loss.error) } } : rest;
  return state as ConnectionState;
}

/** What a call fails with when its tab has lost the host. */
export function hostLost(): ConnectError {
  return new ConnectError("the tab with the connection is gone", Code.Unavailable);
}
