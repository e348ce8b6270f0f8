import { TimestampSchema, timestampDate, timestampNow } from "@bufbuild/protobuf/wkt";
import { type ChatClient, dataType } from "@rialto/chat";

// Any message type of your own in place of this one.
const meetings = dataType(TimestampSchema);

/** Tells a room the time, and calls back with every time that it was told. */
export function followTime(client: ChatClient, id: string, onTime: (time: Date) => void): () => void {
  const room = client.room(id);
  let seen = 0;
  const unsubscribe = room.subscribe(() => {
    for (const message of room.getSnapshot().messages) {
      const time = message.seq > seen ? meetings.read(message) : undefined;
      seen = Math.max(seen, message.seq);
      if (time) {
        onTime(timestampDate(time));
      }
    }
  });
  room.join();
  meetings.send(room, timestampNow());
  return unsubscribe;
}
