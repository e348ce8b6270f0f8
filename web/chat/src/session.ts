import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Reply } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { MessageKeeper } from "./message-store.js";
import type { Request } from "./request-queue.js";
import type { DisconnectReason } from "./types.js";

export type Command = NonNullable<Request["command"]>;
export type Result = Reply["result"];

/** Makes a unary call. Rejects with ChatError. */
export type Call = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
) => Promise<MessageShape<O>>;

/** The part of the SDK that is not there from the start. */
export type Later = typeof import("./later/index.js");

/** What a room uses of the client: the one Connect stream that all rooms share, and calls beside it. */
export interface Session {
  /** Who this client is; undefined before the first welcome. */
  readonly userId: string | undefined;
  /** True between the welcome and the loss of the stream. */
  readonly live: boolean;
  /**
   * Sends a command. Returns false if there is no open stream. `onResult` is called with the reply, unless the stream is
   * lost before; without it only a refusal would be replied, to nobody.
   */
  request(command: Command, onResult?: (result: Result) => void): boolean;
  /** Sends a command that may be lost. */
  signal(command: Command): void;
  /** Makes a unary call as this user. Rejects with ChatError. */
  readonly call: Call;
  /**
   * Calls `use` with what is loaded when it is first needed. Rejects with ChatError, also when that does not come or the client is
   * closed meanwhile.
   */
  later<T>(use: (part: Later) => Promise<T>): Promise<T>;
  /** Keeps what is not sent over a reload. */
  readonly keeper: MessageKeeper;
  /** This room may know more of itself than the feed told. */
  progressed(room: string): void;
  /** The server moved this user's marker in this room, as was asked for here. */
  marked(room: string, readSeq: number): void;
  /** Gives the stream up as broken. */
  fail(reason: DisconnectReason): void;
}
