import { ChatClient, type ChatClientOptions, memoryTokens, type Room } from "@rialto/chat";
import { type FakeSocket, fakeSockets } from "./fake-socket.js";
import { seededRandom } from "./random.js";
import { joinResult, type MessageInit, respond, snapshot, takeRequests, welcome } from "./wire.js";

/** A client whose server is the test. Needs fake timers. */
export class Harness {
  readonly client: ChatClient;
  readonly tokens = memoryTokens();
  private readonly fake = fakeSockets();

  constructor(options: ChatClientOptions = {}) {
    this.client = new ChatClient({
      baseUrl: "wss://chat.example",
      displayName: "Ana",
      tokens: this.tokens,
      WebSocket: this.fake.WebSocket,
      random: seededRandom(1),
      ...options,
    });
  }

  get sockets(): readonly FakeSocket[] {
    return this.fake.sockets;
  }

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.fake.sockets.at(-1);
    if (!socket) {
      throw new Error("the client made no socket");
    }
    return socket;
  }

  get connection() {
    return this.client.getSnapshot().connection;
  }

  /** Answers the newest socket's handshake and welcomes the client. */
  accept(event = welcome()): FakeSocket {
    this.socket.open();
    respond(this.socket, { events: [event] });
    return this.socket;
  }

  /** Connects, joins the lobby with these messages in it, and takes what the client sent for it. */
  joinLobby(messages: MessageInit[] = []): { readonly room: Room; readonly socket: FakeSocket } {
    const room = this.client.room("lobby");
    room.join();
    this.client.connect();
    const socket = this.accept();
    const join = takeRequests(socket).find(({ command }) => command.case === "join");
    const events = [snapshot(messages)];
    respond(socket, { events, replies: [joinResult(join, Number(messages.at(-1)?.rev ?? 0n))] });
    return { room, socket };
  }
}

/** The texts of a room's messages. */
export function texts(room: Room): string[] {
  return room.getSnapshot().messages.map(({ text }) => text);
}
