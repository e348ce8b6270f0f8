// A page made of the hooks of @rialto/chat/react, for react.test.ts.

import { ChatClient, type Room } from "@rialto/chat";
import {
  ChatProvider,
  useConnection,
  useRoom,
  useSelection,
  useSnapshot,
  useThread,
  useUser,
  useViewSnapshot,
} from "@rialto/chat/react";
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";

const client = new ChatClient({ displayName: "Ana" });
const renderings = { title: 0 };

function Messages({ room }: { readonly room: Room }) {
  const { messages, pending } = useSnapshot(room);
  const items = [...messages, ...pending].map(({ clientId, text }) => h("li", { key: clientId }, text));
  return h("ol", { id: "messages" }, items);
}

function Unread({ room }: { readonly room: Room }) {
  renderings.title++;
  return h(
    "p",
    { id: "title" },
    useSelection(room, ({ title }) => title || "untitled"),
  );
}

function Thread({ room, seq }: { readonly room: Room; readonly seq: number }) {
  const { messages } = useViewSnapshot(useThread(room, seq));
  return h("p", { id: "thread" }, messages.map(({ text }) => text).join(" "));
}

function RoomPage({ id }: { readonly id: string }) {
  const room = useRoom(id);
  return h("section", null, h(Unread, { room }), h(Messages, { room }), h(Thread, { room, seq: 1 }));
}

function App() {
  const [open, setOpen] = useState(true);
  const { status } = useConnection();
  return h(
    "main",
    null,
    h("p", { id: "status" }, `${useUser()?.name ?? "nobody"} ${status}`),
    h("button", { type: "button", onClick: () => setOpen(!open) }, open ? "leave" : "come back"),
    open ? h(RoomPage, { id: "react" }) : null,
  );
}

client.connect();
createRoot(document.body.appendChild(document.createElement("div"))).render(h(ChatProvider, { client }, h(App)));
Object.assign(globalThis, { client, renderings });
