import { ChatClient, type ChatClientOptions, memoryTokens, type Room } from "@rialto/chat";
import type { LossReason } from "@rialto/transport";
import { type FakeCall, FakeTransport, settle, wireError } from "./fake-transport.js";
import { seededRandom } from "./random.js";
import { joinResult, type MessageInit, respond, snapshot, status, takeRequests, welcome } from "./wire.js";

/** A client whose network and server are the test. Needs fake timers. */
export class Harness {
  readonly client: ChatClient;
  readonly tokens = memoryTokens();
  /** Every transport that the client made; after a `close` it makes another. */
  readonly transports: FakeTransport[] = [];

  constructor(options: ChatClientOptions = {}) {
    this.client = new ChatClient({
      baseUrl: "wss://chat.example",
      displayName: "Ana",
      tokens: this.tokens,
      transport: () => {
        const transport = new FakeTransport();
        this.transports.push(transport);
        return transport;
      },
      random: seededRandom(1),
      ...options,
    });
  }

  get transport(): FakeTransport {
    const transport = this.transports.at(-1);
    if (!transport) {
      throw new Error("the client made no transport");
    }
    return transport;
  }

  /** The Connect calls on the present transport. */
  get calls(): readonly FakeCall[] {
    return this.transport.calls;
  }

  /** The newest Connect call. */
  get call(): FakeCall {
    const call = this.calls.at(-1);
    if (!call) {
      throw new Error("the client made no call");
    }
    return call;
  }

  get connection() {
    return this.client.getSnapshot().connection;
  }

  /** Lets the connection be made and welcomes the client on its newest call. */
  async accept(event = welcome()): Promise<FakeCall> {
    this.transport.connected();
    await respond(this.call, { events: [event] });
    return this.call;
  }

  /** Breaks the connection, or lets a try to make one fail. */
  async lose(reason: LossReason = "lost", retryMs = 250): Promise<void> {
    this.transport.lose(reason, retryMs);
    await settle();
  }

  /** Lets the server end the newest call. */
  async end(code: number, text = "", details: { retryAfterMs?: number } = {}): Promise<void> {
    this.call.finish(code === 0 ? undefined : wireError(status(code, text, details)));
    await settle();
  }

  /** Connects, joins the lobby with these messages in it, and takes what the client sent for it. */
  async joinLobby(messages: MessageInit[] = []): Promise<{ readonly room: Room; readonly call: FakeCall }> {
    const room = this.client.room("lobby");
    room.join();
    this.client.connect();
    const call = await this.accept();
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    const events = [snapshot(messages)];
    await respond(call, { events, replies: [joinResult(join, Number(messages.at(-1)?.rev ?? 0n))] });
    return { room, call };
  }
}

/** The texts of a room's messages. */
export function texts(room: Room): string[] {
  return room.getSnapshot().messages.map(({ text }) => text);
}
