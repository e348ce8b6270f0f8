import { ChatClient, memoryTokens, type Room } from "@rialto/chat";
import WebSocket from "ws";
import { hue } from "../app/src/model/person.js";

/** Somebody who plays a part in the pictures. */
export class Actor {
  readonly name: string;
  readonly client: ChatClient;
  /** What a browser needs to go on as this person. A secret of a server that is gone when the pictures are taken. */
  readonly token: string;

  private constructor(name: string, client: ChatClient, token: string) {
    this.name = name;
    this.client = client;
    this.token = token;
  }

  /** Comes in under a name, as a new guest whose id gives about this colour. A twelfth of all do, so it takes some tries. */
  static async enter(baseUrl: string, name: string, colour: number): Promise<Actor> {
    for (;;) {
      const tokens = memoryTokens();
      const client = new ChatClient({ baseUrl, displayName: name, tokens, WebSocket });
      client.connect();
      const id = await userId(client);
      if (Math.abs(hue(id) - colour) < 15) {
        return new Actor(name, client, tokens.get() ?? "");
      }
      client.close();
    }
  }

  get id(): string {
    return this.client.getSnapshot().user?.id ?? "";
  }

  /** Joins a room, and is seen in it. */
  async join(id: string): Promise<Room> {
    const room = this.client.room(id);
    room.join();
    await until(room, ({ status }) => status === "live");
    return room;
  }

  /** Says something in a room, joined or not. Resolves with its seq, once it is there. */
  async say(id: string, text: string, options: { replyTo?: number; mentions?: readonly string[] } = {}) {
    const room = await this.join(id);
    const clientId = room.send(text, options);
    const { messages } = await until(room, ({ messages }) => messages.some((one) => one.clientId === clientId));
    room.leave();
    return messages.find((one) => one.clientId === clientId)?.seq ?? 0;
  }

  close(): void {
    this.client.close();
  }
}

async function userId(client: ChatClient): Promise<string> {
  const { user } = await until(client, ({ user, connection }) => user !== undefined && connection.status === "live");
  return user?.id ?? "";
}

/** Resolves with the snapshot of a client or a room once the condition holds. */
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
