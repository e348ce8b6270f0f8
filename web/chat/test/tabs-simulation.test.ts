import { ChatClient, memoryMessages, memoryTokens, type Room } from "@rialto/chat";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SharedTransport } from "../src/tabs/shared-transport.js";
import { FakeBrowser, type FakeTab } from "./fake-browser.js";
import { type FakeCall, FakeTransport, settle } from "./fake-transport.js";
import { below, seededRandom } from "./random.js";
import { SimulatedServer } from "./simulated-server.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

interface OpenTab {
  readonly tab: FakeTab;
  readonly client: ChatClient;
  readonly room: Room;
}

/** One person whose tabs come, go, crash, freeze, and send. */
class Person {
  readonly tabs: OpenTab[] = [];
  readonly sent: string[] = [];
  private readonly browser = new FakeBrowser();
  private readonly store = memoryMessages();
  private readonly transports: FakeTransport[] = [];
  private readonly known = new Set<FakeCall>();
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  open(): void {
    const tab = this.browser.openTab();
    tab.lockDelay = below(this.random, 10);
    const make = () => {
      const transport = new FakeTransport();
      this.transports.push(transport);
      return transport;
    };
    const client = new ChatClient({
      baseUrl: "ws://simulated",
      tokens: memoryTokens("guest-one"),
      messages: this.store,
      random: this.random,
      transport: () => new SharedTransport("rialto", make, tab),
    });
    const room = client.room("lobby");
    room.join();
    client.connect();
    this.tabs.push({ tab, client, room });
  }

  send(): void {
    const one = this.tabs[below(this.random, this.tabs.length)];
    if (one) {
      this.sent.push(one.room.send(`text ${this.sent.length}`));
    }
  }

  /** A tab crashes, or is closed properly. */
  close(): void {
    const [one] = this.tabs.splice(below(this.random, this.tabs.length), 1);
    if (one && this.random() < 0.5) {
      one.client.close();
    }
    one?.tab.close();
    // Its timers live on in this process; nobody hears of what it does now.
    one?.client.close();
  }

  /** The connection, if there is one that is not closed; it is made. */
  private connected(): FakeTransport | undefined {
    const transport = this.transports.find(({ state }) => state.status !== "closed");
    if (transport?.state.status === "waiting") {
      transport.retry();
    }
    if (transport?.state.status === "connecting") {
      transport.connected();
    }
    return transport;
  }

  /** The calls that run, each told to the server first. */
  calls(server: SimulatedServer): FakeCall[] {
    const running = this.connected()?.calls.filter(({ aborted }) => !aborted) ?? [];
    for (const call of running) {
      if (!this.known.has(call)) {
        this.known.add(call);
        server.accept(call);
      }
    }
    return running;
  }

  async lose(server: SimulatedServer): Promise<void> {
    for (const call of this.calls(server)) {
      await server.break(call);
    }
    this.transports.find(({ state }) => state.status === "connected")?.lose();
    await settle();
  }

  /** Lets everything happen that can, until all is quiet. */
  async calmDown(server: SimulatedServer): Promise<void> {
    server.faults = false;
    server.edit();
    for (let quiet = 0; quiet < 5; ) {
      let busy = false;
      for (const call of this.calls(server)) {
        while (await server.step(call)) {
          busy = true;
        }
      }
      await vi.advanceTimersByTimeAsync(1000);
      quiet = busy ? 0 : quiet + 1;
    }
  }
}

const seeds = Array.from({ length: 20 }, (_, i) => 301 + i);

test.each(seeds)(
  "tabs that come, go and share a connection: every message once, equal lists (seed %d)",
  async (seed) => {
    const random = seededRandom(seed);
    const server = new SimulatedServer(random);
    const person = new Person(random);
    person.open();
    for (let step = 0; step < 300; step++) {
      const choice = random();
      if (choice < 0.1) {
        person.send();
      } else if (choice < 0.16 && person.tabs.length < 4) {
        person.open();
      } else if (choice < 0.2 && person.tabs.length > 1) {
        person.close();
      } else if (choice < 0.22) {
        await person.lose(server);
      } else if (choice < 0.3) {
        await vi.advanceTimersByTimeAsync(below(random, 400));
      } else {
        const calls = person.calls(server);
        const call = calls[below(random, calls.length)];
        await (call ? server.step(call) : settle());
      }
    }
    // What a tab that was closed left unsent waits for the next visit.
    person.open();
    await person.calmDown(server);

    const truth = server.messages.map(({ seq, clientId }) => [Number(seq), clientId]);
    expect(truth.map(([, clientId]) => clientId).sort()).toEqual([...person.sent].sort());
    for (const { client, room } of person.tabs) {
      expect(client.getSnapshot().connection.status).toBe("live");
      const { messages, pending, status } = room.getSnapshot();
      expect({ status, pending }).toEqual({ status: "live", pending: [] });
      const shown = messages.map((message) => [message.seq, message.clientId]);
      expect(shown).toEqual(truth.slice(truth.length - shown.length));
      client.close();
    }
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  },
);
