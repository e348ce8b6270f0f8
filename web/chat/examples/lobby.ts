import { ChatClient } from "@rialto/chat";

const client = new ChatClient({ displayName: "Ana" });
const lobby = client.room("lobby");

const page = document.body.appendChild(document.createElement("pre"));
lobby.subscribe(() => {
  const { status, messages, pending } = lobby.getSnapshot();
  page.textContent = [status, ...[...messages, ...pending].map(({ text }) => text)].join("\n");
});
lobby.join();
client.connect();

lobby.send("What news on the Rialto?");
