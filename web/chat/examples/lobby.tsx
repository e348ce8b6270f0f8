import { ChatClient } from "@rialto/chat";
import { ChatProvider, useConnection, useRoom, useSnapshot } from "@rialto/chat/react";
import { createRoot } from "react-dom/client";

const client = new ChatClient({ displayName: "Ana" });

function Lobby() {
  const { status } = useConnection();
  const room = useRoom("lobby"); // joined for as long as the component is there
  const { messages, pending } = useSnapshot(room);
  return (
    <ul aria-label={status}>
      {[...messages, ...pending].map(({ clientId, text }) => (
        <li key={clientId}>{text}</li>
      ))}
    </ul>
  );
}

client.connect();
createRoot(document.body.appendChild(document.createElement("main"))).render(
  <ChatProvider client={client}>
    <Lobby />
  </ChatProvider>,
);
