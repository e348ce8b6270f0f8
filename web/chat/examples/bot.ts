import { ChatClient, memoryTokens } from "@rialto/chat";
import WebSocket from "ws";

/** Answers every "ping" in a room, once, also those that came while it was away. */
export function answerPings(baseUrl: string, id: string): ChatClient {
  const client = new ChatClient({ baseUrl, WebSocket, tokens: memoryTokens(), displayName: "Bot" });
  const room = client.room(id);
  let answered = 0;
  room.subscribe(() => {
    const { messages, status } = room.getSnapshot();
    for (const { seq, text } of status === "live" ? messages : []) {
      const isNew = seq > answered;
      answered = Math.max(answered, seq); // before `send`, which calls this listener
      if (isNew && text === "ping") {
        room.send("pong", { replyTo: seq });
      }
    }
  });
  room.join();
  client.connect();
  return client;
}
