import WebSocket from "ws";

/** A client with no SDK: JSON over a plain WebSocket. It only talks. */
export class PlainClient {
  private readonly socket: WebSocket;
  private readonly replies = new Map<string, (error: string | undefined) => void>();
  private sent = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      const { replies = [] } = JSON.parse(data.toString()) as {
        replies?: { requestId: string; error?: { message: string } }[];
      };
      for (const { requestId, error } of replies) {
        this.replies.get(requestId)?.(error?.message);
        this.replies.delete(requestId);
      }
    });
  }

  /** Connects under a name, as a fresh guest. */
  static async connect(webSocketUrl: string, displayName: string): Promise<PlainClient> {
    const socket = new WebSocket(`${webSocketUrl}/rialto.chat.v1.ChatService/Connect?encoding=json`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const client = new PlainClient(socket);
    await client.ask({ hello: { displayName } });
    return client;
  }

  /** Joins a room, to be seen in it and to signal. */
  async join(room: string): Promise<void> {
    await this.ask({ join: { room } });
  }

  /** Posts messages, in order; resolves once all are stored. */
  async say(room: string, ...texts: string[]): Promise<void> {
    const run = Math.random().toString(36);
    await Promise.all(texts.map((text, i) => this.ask({ publish: { room, clientId: `${run}-${i}`, text } })));
  }

  async type(room: string): Promise<void> {
    await this.ask({ signal: { room, typing: true } });
  }

  close(): void {
    this.socket.terminate();
  }

  private ask(command: Readonly<Record<string, unknown>>): Promise<void> {
    const requestId = String(++this.sent);
    return new Promise((resolve, reject) => {
      this.replies.set(requestId, (error) => (error === undefined ? resolve() : reject(new Error(error))));
      this.socket.send(JSON.stringify({ requestId, ...command }));
    });
  }
}
