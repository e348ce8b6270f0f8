import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { ConnectionState, StateListener } from "@rialto/transport";
import { onWake } from "@rialto/transport/reconnect";
import { newClientId } from "../client-id.js";
import type { ChatTransport } from "../transport.js";
import { Election, type Locks } from "./election.js";
import type { GuestLink } from "./guest-link.js";
import type { HostLink } from "./host-link.js";
import { type Announcement, hostTimeoutMs } from "./messages.js";

/** What a browser has that its tabs can share a connection. */
export interface TabEnvironment {
  readonly locks: Locks;
  readonly BroadcastChannel: new (name: string) => BroadcastChannel;
}

/** Returns what the browser has for this, or undefined where it lacks it: in Node, and on pages that are not secure contexts. */
export function browserTabs(): TabEnvironment | undefined {
  const locks = typeof window === "undefined" ? undefined : globalThis.navigator?.locks;
  return locks && typeof BroadcastChannel !== "undefined" ? { locks, BroadcastChannel } : undefined;
}

interface Host {
  readonly kind: "host";
  readonly transport: ChatTransport;
  readonly unsubscribe: () => void;
  readonly guests: Map<string, { readonly link: HostLink; readonly unwatch: AbortController }>;
}

interface Guest {
  readonly kind: "guest";
  readonly link: GuestLink;
  /** The host has answered: calls can be made. */
  welcome: boolean;
}

type Role = Host | Guest;

/**
 * A transport whose connection all tabs of a browser share. One tab, the host, has it and makes the calls of the others, its
 * guests, beside its own; which one that is, a lock decides. When the host is gone, or frozen and a guest is looked at, a guest
 * takes its place: calls that were under way fail with UNAVAILABLE, as when a connection breaks. Where the browser forbids the lock
 * or the channel, as it does when site data is blocked, each tab has a connection of its own.
 */
export class SharedTransport implements ChatTransport {
  private readonly make: () => ChatTransport;
  private readonly name: string;
  private readonly environment: TabEnvironment;
  private readonly tab = newClientId();
  private readonly listeners = new Set<StateListener>();
  private readonly waiters = new Set<() => void>();
  private current: ConnectionState = { status: "idle" };
  private role: Role | undefined;
  /** There from the first use to `close`; without the others' channel where this tab is alone. */
  private running:
    | { readonly channel?: BroadcastChannel; readonly election?: Election; readonly stop: () => void }
    | undefined;
  /** Whose guest this tab became last, or is about to be. */
  private wantedHost: string | undefined;
  /** Runs while the host's answer is due. */
  private seekTimer: ReturnType<typeof setTimeout> | undefined;
  private isWanted = false;
  private isClosed = false;

  /** `name` is that of what is shared; `make` makes the connection's transport where this tab is the host. */
  constructor(name: string, make: () => ChatTransport, environment: TabEnvironment) {
    this.name = name;
    this.make = make;
    this.environment = environment;
  }

  get state(): ConnectionState {
    return this.current;
  }

  subscribe(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves at once; how it goes is in the state. */
  connect(): Promise<void> {
    this.isWanted = true;
    this.start();
    if (this.role?.kind === "host") {
      return this.role.transport.connect();
    }
    if (this.role?.welcome) {
      this.role.link.connect();
    } else {
      this.set({ status: "connecting" });
    }
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.leaveRole(new ConnectError("the transport was closed", Code.Canceled));
    clearTimeout(this.seekTimer);
    this.running?.stop();
    this.running = undefined;
    this.set({ status: "closed" });
    this.wakeWaiters();
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    const role = await this.ready(signal);
    if (role.kind === "host") {
      return role.transport.unary(method, signal, timeoutMs, header, input);
    }
    const message = await role.link.unary(method, input, { signal, timeoutMs, header });
    return { stream: false, ...responseTo(method), message };
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const role = await this.ready(signal);
    if (role.kind === "host") {
      return role.transport.stream(method, signal, timeoutMs, header, input);
    }
    const message = role.link.stream(method, input, { signal, timeoutMs, header });
    return { stream: true, ...responseTo(method), message };
  }

  /** Resolves when calls can be made; rejects when the signal is aborted or this is closed. */
  private async ready(signal: AbortSignal | undefined): Promise<Role> {
    this.start();
    for (;;) {
      if (this.isClosed || signal?.aborted) {
        throw ConnectError.from(signal?.reason ?? new Error("the transport was closed"), Code.Canceled);
      }
      if (this.role?.kind === "host" || this.role?.welcome) {
        return this.role;
      }
      await new Promise<void>((resolve) => {
        this.waiters.add(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  private start(): void {
    if (this.running || this.isClosed) {
      return;
    }
    let channel: BroadcastChannel;
    try {
      channel = new this.environment.BroadcastChannel(this.name);
    } catch {
      this.goAlone();
      return;
    }
    const { locks } = this.environment;
    channel.onmessage = ({ data }: MessageEvent<Announcement>) => this.hear(data);
    const election = new Election(locks, `${this.name} host`, {
      elected: () => this.becomeHost(),
      deposed: () => {
        this.leaveRole();
        this.seek();
      },
    });
    const stopListening = onWake(() => this.woke());
    // Held until this is closed or the page is gone: so the host learns of that.
    let release: () => void = () => undefined;
    const alive = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stop = () => {
      stopListening();
      election.stop();
      release();
      channel.close();
    };
    this.running = { channel, election, stop };
    const begin = () => {
      if (this.running) {
        election.stand();
        this.seek();
      }
      return alive;
    };
    // Nobody hears of this tab before it has its lock, which would be free.
    locks.request(this.tabLock(this.tab), begin).catch(() => this.running && this.goAlone());
  }

  /** Looks after the host, if somebody looks at this tab: hidden ones would only take its place from one another. */
  private woke(): void {
    if (this.role?.kind === "guest" && document.visibilityState === "visible") {
      this.role.link.ping();
    }
  }

  /** Does without the other tabs. */
  private goAlone(): void {
    this.running?.stop();
    this.running = { stop: () => undefined };
    this.becomeHost();
  }

  /** Asks who the host is. One that does not answer is frozen, or its tab is: then this tab takes its place. */
  private seek(): void {
    this.announce({ kind: "who" });
    clearTimeout(this.seekTimer);
    this.seekTimer = setTimeout(() => this.role ?? this.running?.election?.seize(), hostTimeoutMs);
  }

  private hear(message: Announcement): void {
    const { role } = this;
    if (message.kind === "who" && role?.kind === "host") {
      this.announce({ kind: "host", host: this.tab });
    } else if (message.kind === "join" && role?.kind === "host" && message.host === this.tab) {
      void this.admit(role, message.guest);
    } else if (message.kind === "host" && role?.kind !== "host" && role?.link.host !== message.host) {
      void this.becomeGuest(message.host);
    }
  }

  private becomeHost(): void {
    this.leaveRole();
    const transport = this.makeTransport();
    if (!transport) {
      return;
    }
    const host: Host = {
      kind: "host",
      transport,
      guests: new Map(),
      unsubscribe: transport.subscribe((state) => this.hostStateChanged(host, state)),
    };
    this.role = host;
    clearTimeout(this.seekTimer);
    if (this.isWanted) {
      transport.connect().catch(() => undefined);
    }
    this.announce({ kind: "host", host: this.tab });
    this.set(transport.state);
    this.wakeWaiters();
  }

  private makeTransport(): ChatTransport | undefined {
    try {
      return this.make();
    } catch (reason) {
      const error = ConnectError.from(reason, Code.Internal);
      this.set({ status: "idle", loss: { reason: "refused", error } });
      return undefined;
    }
  }

  private hostStateChanged(host: Host, state: ConnectionState): void {
    for (const { link } of host.guests.values()) {
      link.tell(state);
    }
    this.set(state);
  }

  /** What is for guests is loaded with the first. If it does not come, the guest takes this tab for frozen, and its place. */
  private async admit(host: Host, guest: string): Promise<void> {
    const part = await import("./host-link.js").catch(() => undefined);
    if (!part || this.role !== host) {
      return;
    }
    this.dismiss(host, guest);
    const unwatch = new AbortController();
    const channel = new this.environment.BroadcastChannel(this.pairName(this.tab, guest));
    const link = new part.HostLink(channel, host.transport, () => this.dismiss(host, guest));
    host.guests.set(guest, { link, unwatch });
    // The lock is free when the guest is gone.
    this.environment.locks
      .request(this.tabLock(guest), { signal: unwatch.signal }, () => this.dismiss(host, guest))
      .catch(() => undefined);
  }

  private dismiss(host: Host, guest: string): void {
    const entry = host.guests.get(guest);
    host.guests.delete(guest);
    entry?.unwatch.abort();
    entry?.link.close();
  }

  /** What guests need is loaded with the first host that is not this tab. If it does not come, this tab takes its place. */
  private async becomeGuest(host: string): Promise<void> {
    this.leaveRole();
    clearTimeout(this.seekTimer);
    this.wantedHost = host;
    const part = await import("./guest-link.js").catch(() => undefined);
    if (this.role || this.wantedHost !== host || !this.running) {
      return;
    }
    if (!part) {
      this.running.election?.seize();
      return;
    }
    const channel = new this.environment.BroadcastChannel(this.pairName(host, this.tab));
    const guest: Guest = {
      kind: "guest",
      welcome: false,
      link: new part.GuestLink(host, channel, {
        told: (state) => this.told(guest, state),
        silent: () => this.running?.election?.seize(),
      }),
    };
    this.role = guest;
    this.announce({ kind: "join", host, guest: this.tab });
  }

  private told(guest: Guest, state: ConnectionState): void {
    if (this.role !== guest) {
      return;
    }
    if (!guest.welcome) {
      guest.welcome = true;
      if (this.isWanted) {
        guest.link.connect();
      }
    }
    // A host that nobody looks at has not connected yet, or never will.
    this.set(this.isWanted && state.status === "idle" && !state.loss ? { status: "connecting" } : state);
    this.wakeWaiters();
  }

  /** Lets go of the connection or the host, whichever there is, and of the calls on it. */
  private leaveRole(error?: ConnectError): void {
    const { role } = this;
    this.role = undefined;
    if (role?.kind === "host") {
      role.unsubscribe();
      for (const guest of [...role.guests.keys()]) {
        this.dismiss(role, guest);
      }
      role.transport.close();
    } else {
      role?.link.close(error);
    }
    if (role && this.isWanted && !this.isClosed) {
      this.set({ status: "connecting" });
    }
  }

  private announce(message: Announcement): void {
    this.running?.channel?.postMessage(message);
  }

  private set(state: ConnectionState): void {
    if (state.status !== this.current.status || state.status === "waiting" || state.status === "idle") {
      this.current = state;
      for (const listener of [...this.listeners]) {
        listener(state);
      }
    }
  }

  private wakeWaiters(): void {
    for (const wake of [...this.waiters]) {
      this.waiters.delete(wake);
      wake();
    }
  }

  private tabLock(tab: string): string {
    return `${this.name} tab ${tab}`;
  }

  private pairName(host: string, guest: string): string {
    return `${this.name} ${host} ${guest}`;
  }
}

/** What a transport says of a response beside its messages. A guest sees no metadata; the SDK needs none. */
function responseTo<M extends DescMethodUnary | DescMethodStreaming>(method: M) {
  return { service: method.parent, method, header: new Headers(), trailer: new Headers() };
}
