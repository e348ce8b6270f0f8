import { ChatClient, type ChatClientOptions } from "@rialto/chat";

/** A message as everybody must see it. */
export interface Observed {
  readonly seq: number;
  readonly sender: string;
  readonly clientId: string;
  readonly text: string;
}

/** Follows a room with the SDK, in Node or in a page. */
export interface Observer {
  messages(): Observed[];
  /** Pages back to the room's beginning: after a reset (over 500 changes missed) the SDK holds the newest page only. */
  loadAll(): Promise<void>;
  close(): void;
}

export function observe(room: string, options: ChatClientOptions = {}): Observer {
  const client = new ChatClient({ displayName: "observer", ...options });
  const handle = client.room(room);
  handle.join();
  client.connect();
  return {
    messages: () =>
      handle
        .getSnapshot()
        .messages.map(({ seq, sender, clientId, text }) => ({ seq, sender: sender.id, clientId, text })),
    loadAll: async () => {
      while (handle.getSnapshot().hasOlder) {
        await handle.loadOlder();
      }
    },
    close: () => client.close(),
  };
}

// In a page there is no module to import from: crash.test.ts reaches it here.
Object.assign(globalThis, { observe });
