import type { Page, WebSocketRoute } from "playwright-core";

/** The network between a page and the server, to be broken. Install it before the page is opened. */
export class Network {
  /** Changes what the page sends, or sees it pass. */
  onSend: (frame: Buffer) => Buffer = (frame) => frame;
  private state: "up" | "broken" | "silent" = "up";
  private readonly open = new Set<WebSocketRoute>();

  static async of(page: Page): Promise<Network> {
    const network = new Network();
    await page.routeWebSocket(/\/rialto$/, (socket) => network.connect(socket));
    return network;
  }

  /** From now on connections end at once, the open ones too, as when an access point goes away. */
  async break(): Promise<void> {
    this.state = "broken";
    await Promise.all([...this.open].map((socket) => socket.close({ code: 4014 })));
    this.open.clear();
  }

  /** From now on nothing passes and nothing says so, as when a cable is pulled beyond the next router. */
  silence(): void {
    this.state = "silent";
  }

  mend(): void {
    this.state = "up";
  }

  private connect(socket: WebSocketRoute): void {
    if (this.state === "broken") {
      void socket.close({ code: 4014 });
      return;
    }
    this.open.add(socket);
    const upstream = socket.connectToServer();
    const passes = () => this.state !== "silent" && this.open.has(socket);
    socket.onMessage((message) => {
      if (passes()) {
        upstream.send(typeof message === "string" ? message : this.onSend(message));
      }
    });
    upstream.onMessage((message) => {
      if (passes()) {
        socket.send(message);
      }
    });
    // A silent network does not tell either end that the other has gone.
    socket.onClose(() => {
      this.open.delete(socket);
      void upstream.close({ code: 1000 });
    });
    upstream.onClose((code) => {
      if (passes()) {
        this.open.delete(socket);
        void socket.close({ code: code !== undefined && code >= 3000 ? code : 4014 });
      }
    });
  }
}
