import { ConnectError } from "@connectrpc/connect";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { Event, Snapshot } from "@rialto/gen/rialto/chat/v1/event_pb";
import type { HttpCalls } from "./calls.js";

/** How many messages a fresh start brings. */
const historySize = 50;

export interface LoneRoomEvents {
  came(events: readonly Event[]): void;
  /** The call ended, after it had begun well. */
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
    const start = { case: "history" as const, value: historySize };
    const run = async () => {
      for await (const response of calls.stream(ChatService.method.subscribe, { rooms: [{ room, start }] }, signal)) {
        for (const { kind } of response.events) {
          if (kind.case === "snapshot") {
            resolve(kind.value);
          }
        }
        events.came(response.events);
      }
    };
    run().catch((reason: unknown) => {
      const error = ConnectError.from(reason);
      reject(error);
      events.ended(error);
    });
  });
}
