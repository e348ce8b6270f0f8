import { ChatClient, memoryTokens, type Room } from "@rialto/chat";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FakeCall, FakeTransport, settle } from "./fake-transport.js";
import { below, seededRandom } from "./random.js";
import { SimulatedServer } from "./simulated-server.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

class Person {
  readonly client: ChatClient;
  readonly room: Room;
  readonly sent: string[] = [];
  private readonly transport = new FakeTransport();
  private accepted = 0;

  constructor(random: () => number) {
    this.client = new ChatClient({
      baseUrl: "ws://simulated",
      tokens: memoryTokens(),
      transport: () => this.transport,
      random,
    });
    this.room = this.client.room("lobby");
    this.room.join();
    this.client.connect();
  }

  /** A call that the server has not heard of yet; its connection is made. */
  takeNew(): FakeCall | undefined {
    if (this.transport.state.status === "waiting") {
      this.transport.retry();
    }
    this.transport.connected();
    return this.accepted < this.transport.calls.length ? this.transport.calls[this.accepted++] : undefined;
  }

  /** The call in use, if there is one. */
  get call(): FakeCall | undefined {
    const call = this.transport.calls[this.accepted - 1];
    return call?.aborted === false ? call : undefined;
  }

  /** Breaks the connection. */
  async lose(): Promise<void> {
    this.transport.lose();
    await settle();
  }

  send(): void {
    this.sent.push(this.room.send(`text ${this.sent.length}`));
  }
}

/** Lets everything happen that can, without faults, until all is quiet. */
async function calmDown(server: SimulatedServer, people: readonly Person[]): Promise<void> {
  server.faults = false;
  // Who was not told the last change notices by this one.
  server.edit();
  for (let quiet = 0; quiet < 3; ) {
    let busy = false;
    for (const person of people) {
      const fresh = person.takeNew();
      if (fresh) {
        server.accept(fresh);
        busy = true;
      }
      while (person.call && (await server.step(person.call))) {
        busy = true;
      }
      person.client.connect();
    }
    await vi.advanceTimersByTimeAsync(1000);
    quiet = busy ? 0 : quiet + 1;
  }
}

async function run(
  seed: number,
  { restores }: { restores: boolean },
): Promise<{ server: SimulatedServer; people: Person[] }> {
  const random = seededRandom(seed);
  const server = new SimulatedServer(random);
  const people = Array.from({ length: 3 }, () => new Person(random));
  for (let step = 0; step < 600; step++) {
    const person = people[below(random, people.length)];
    const choice = random();
    if (!person) {
      continue;
    }
    if (choice < 0.08) {
      person.send();
    } else if (choice < 0.12) {
      server.edit();
    } else if (choice < 0.14) {
      person.room.leave();
      person.room.join();
    } else if (choice < 0.17 && person.call) {
      await server.break(person.call);
      await person.lose();
    } else if (choice < 0.175 && restores) {
      server.restore();
      for (const one of people) {
        if (one.call) {
          await server.break(one.call);
          await one.lose();
        }
      }
    } else if (choice < 0.3) {
      const fresh = person.takeNew();
      if (fresh) {
        server.accept(fresh);
      }
      await vi.advanceTimersByTimeAsync(below(random, 400));
    } else if (person.call) {
      await server.step(person.call);
    }
  }
  await calmDown(server, people);
  return { server, people };
}

function expectAgreement(server: SimulatedServer, people: readonly Person[]): void {
  const truth = server.messages.map(({ seq, rev, body }) => ({
    seq: Number(seq),
    rev: Number(rev),
    text: body?.value,
  }));
  for (const { room, client } of people) {
    expect(client.getSnapshot().connection.status).toBe("live");
    const { messages, pending, status } = room.getSnapshot();
    expect({ status, pending }).toEqual({ status: "live", pending: [] });
    const shown = messages.map(({ seq, rev, text }) => ({ seq, rev, text }));
    expect(shown).toEqual(truth.slice(truth.length - shown.length));
    expect(shown.length).toBeGreaterThanOrEqual(Math.min(truth.length, 8));
  }
}

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

test.each(seeds(1, 30))(
  "breaks, losses, gaps, unknown outcomes: equal lists, every message once (seed %d)",
  async (seed) => {
    const { server, people } = await run(seed, { restores: false });
    expectAgreement(server, people);
    const stored = server.messages.map(({ clientId }) => clientId).sort();
    expect(stored).toEqual(people.flatMap(({ sent }) => sent).sort());
    for (const { client } of people) {
      client.close();
    }
    expect(vi.getTimerCount()).toBe(0);
  },
);

test.each(seeds(101, 20))("restores from a backup: equal lists, no message twice (seed %d)", async (seed) => {
  const { server, people } = await run(seed, { restores: true });
  expectAgreement(server, people);
  const stored = server.messages.map(({ clientId }) => clientId);
  expect(new Set(stored).size).toBe(stored.length);
});
