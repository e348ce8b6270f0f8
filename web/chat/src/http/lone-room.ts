import { Code, ConnectError } from "@connectrpc/connect";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { Event, Snapshot } from "@rialto/gen/rialto/chat/v1/event_pb";
import { asAnswer, type HttpCalls } from "./calls.js";

/** How many messages a fresh start brings. */
const historySize = 50;

export interface LoneRoomEvents {
  came(events: readonly Event[]): void;
  /** The call ended, after it had begun well; not called where the last event was that the user is shut out. */
  ended(error: ConnectError): void;
}

/**
 * Follows a room of which no call knows, by a Subscribe of its own: perhaps its first message will make it, perhaps it is not to be
 * seen, in which case that call alone is refused. Resolves with how it begins; rejects with ConnectError.
 */
export function followAlone(
  calls: HttpCalls,
  room: string,
  signal: AbortSignal,
  events: LoneRoomEvents,
): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    const run = async () => {
      const start = { case: "history" as const, value: historySize };
      for await (const response of calls.stream(ChatService.method.subscribe, { rooms: [{ room, start }] }, signal)) {
        for (const { kind } of response.events) {
          if (kind.case === "snapshot") {
            hasBegun = true;
            resolve(kind.value);
          }
        }
        events.came(response.events);
        if (response.events.some(({ kind }) => kind.case === "shutOut")) {
          reject(asAnswer("no such room", Code.NotFound));
          return;
        }
      }
      throw new ConnectError("the stream ended", Code.Unavailable);
    };
    run().catch((reason: unknown) => {
      const error = ConnectError.from(reason);
      reject(error);
      if (hasBegun) {
        events.ended(error);
      }
    });
  });
}
