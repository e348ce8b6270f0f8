import { ChatClient, memoryTokens, type Room, type TokenStore } from "@rialto/chat";
import WebSocket from "ws";
import type { RialtoServer } from "./server.js";

/** Clients of @rialto/chat in this process, which end with the test. */
export class Clients {
  readonly all: ChatClient[] = [];
  private readonly server: () => RialtoServer;

  constructor(server: () => RialtoServer) {
    this.server = server;
  }

  /** Starts a client, as somebody new unless there is a token. */
  start(displayName: string, tokens: TokenStore = memoryTokens()): ChatClient {
    const client = new ChatClient({ baseUrl: this.server().webSocketUrl, displayName, tokens, WebSocket });
    this.all.push(client);
    client.connect();
    return client;
  }

  close(): void {
    for (const client of this.all.splice(0)) {
      client.close();
    }
  }
}

/** Resolves once the condition holds for the snapshot of a room, a client or another store. */
export function until<S>(
  store: { getSnapshot(): S; subscribe(listener: () => void): () => void },
  condition: (snapshot: S) => boolean,
): Promise<S> {
  return new Promise((resolve) => {
    const check = () => {
      const snapshot = store.getSnapshot();
      if (condition(snapshot)) {
        unsubscribe();
        resolve(snapshot);
      }
    };
    const unsubscribe = store.subscribe(check);
    check();
  });
}

/** Joins a room and resolves once it is live. */
export async function joined(client: ChatClient, id: string): Promise<Room> {
  const room = client.room(id);
  room.join();
  await until(room, ({ status }) => status === "live");
  return room;
}

/** Resolves with who a client is. */
export async function idOf(client: ChatClient): Promise<string> {
  const { user } = await until(client, (snapshot) => snapshot.user !== undefined);
  return user?.id ?? "";
}
