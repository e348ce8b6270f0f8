import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A network that lets HTTP through, and no WebSocket: what many company proxies are. */
export class NoWebSockets {
  private readonly server: Server;
  /** How many WebSockets were asked for. */
  refused = 0;
  private allowed = false;

  private constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.server = createServer((incoming, outgoing) => {
      const { method, url: path, headers } = incoming;
      const passed = request({ hostname, port, method, path, headers }, (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
        response.on("error", () => outgoing.destroy());
      });
      passed.on("error", () => outgoing.destroy());
      outgoing.on("close", () => passed.destroy());
      incoming.pipe(passed);
    });
    this.server.on("upgrade", (incoming, socket, head) => {
      if (!this.allowed) {
        this.refused++;
        socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
        return;
      }
      const passed = request({ hostname, port, path: incoming.url, headers: incoming.headers });
      passed.on("upgrade", (response, upstream) => {
        const lines = response.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
        upstream.unshift(head);
        upstream.pipe(socket).pipe(upstream);
        socket.on("error", () => upstream.destroy());
        upstream.on("error", () => socket.destroy());
      });
      passed.end();
    });
  }

  /** Puts it in front of a server. Whoever calls it calls `close` in the end. */
  static async before(target: string): Promise<NoWebSockets> {
    const network = new NoWebSockets(target);
    await new Promise<void>((resolve) => network.server.listen(0, "127.0.0.1", resolve));
    return network;
  }

  /** Where pages are. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on WebSockets pass. */
  mend(): void {
    this.allowed = true;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
