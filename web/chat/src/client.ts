import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectResponse } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { Welcome } from "@rialto/gen/rialto/chat/v1/event_pb";
import { createWebSocketTransport, type WebSocketConstructor } from "@rialto/transport";
import { Connection } from "./connection.js";
import { toUser } from "./convert.js";
import { ChatError } from "./error.js";
import { Feed } from "./feed.js";
import type { UserRooms } from "./feed-types.js";
import { withHttpFallback } from "./http-fallback.js";
import type { RoomCalls } from "./later/index.js";
import type { Invitation, NewRoom } from "./member-types.js";
import { MessageKeeper, type MessageStore } from "./message-store.js";
import type { Profile, ProfileChanges } from "./profile-types.js";
import { RoomSession } from "./room.js";
import type { Command, Later, Result, Session } from "./session.js";
import { errorFromCall, errorFromStatus } from "./status.js";
import { Store } from "./store.js";
import { browserTabs, SharedTransport } from "./tabs/shared-transport.js";
import { localStorageTokens } from "./tokens.js";
import { type ChatTransport, type ChatTransportOptions, pingIntervalMs, TransportHolder } from "./transport.js";
import type { ClientSnapshot, Listener, Room, RoomSummary, TokenStore, Unsubscribe, User } from "./types.js";

/** How long a unary call may take, connecting included, in ms. */
const callTimeoutMs = 15_000;

/** What a client is made with. Everything has a default in a browser. */
export interface ChatClientOptions {
  /** Where the server is, as `wss://host` or `https://host`, with a path if it is mounted under one. Default: the page's host. */
  readonly baseUrl?: string;
  /** The name to show for this user. Default: the one that the server knows, or chooses. */
  readonly displayName?: string;
  /** Where the identity is kept. Default: local storage, one item for each server, or memory where there is none. */
  readonly tokens?: TokenStore;
  /**
   * Where messages are kept until they are in their room. Default: IndexedDB, one database for each server; where there is
   * none, memory.
   */
  readonly messages?: MessageStore;
  /** Default: the global one. Node 20 has none: pass that of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /**
   * Makes the transport, with what the SDK would give it: to add options of its own, such as `onFrame`, or to take the place
   * of the network in a test. Called anew after `close`. Default: `createWebSocketTransport` of @rialto/transport, with
   * `withHttpFallback` around it.
   */
  readonly transport?: (options: ChatTransportOptions) => ChatTransport;
  /**
   * Whether the tabs of one browser share one connection: one of them has it, and another takes over when that is closed.
   * Default: true where the browser has Web Locks and BroadcastChannel.
   */
  readonly shareConnection?: boolean;
  /** A source of numbers in [0, 1) for the jitter of what is tried again on a connection. Default: Math.random. */
  readonly random?: () => number;
}

/**
 * A user's session with a Rialto server: one WebSocket with one Connect call for all rooms, kept alive through sleep, bad
 * networks and deploys. The states of the connection and what leads from one to the next are described at Connection.
 *
 * After every reconnect each joined room goes on behind the last change it saw, and every message that was not
 * confirmed is sent again as the same message.
 */
export class ChatClient {
  /** This user's rooms and invitations, with what is unread in each; see UserRooms. */
  readonly rooms: UserRooms;
  private readonly feed: Feed;
  private readonly transport: TransportHolder;
  private readonly tokens: TokenStore;
  private readonly random: () => number;
  private readonly connection: Connection;
  private readonly store: Store<ClientSnapshot>;
  private readonly keeper: MessageKeeper;
  private readonly sessions = new Map<string, RoomSession>();
  private displayName: string;
  /** Read from the store once, so that what another tab writes there does not change who this one is. */
  private token: string | undefined;
  private user: User | undefined;
  /** Who waits for which reply on the present stream, by request id. */
  private readonly replies = new Map<string, (result: Result) => void>();
  private requestCount = 0;
  /** Ends the unary calls under way. */
  private calls = new AbortController();
  private readonly session: Session;

  /** Does not connect yet. Throws TypeError where an option has no default. */
  constructor(options: ChatClientOptions = {}) {
    const baseUrl = webSocketUrl(options.baseUrl ?? globalThis.location?.origin ?? missing("baseUrl"));
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (!WebSocket && !options.transport) {
      missing("WebSocket");
    }
    const transportOptions = { baseUrl, pingIntervalMs, ...(WebSocket && { WebSocket }) };
    const make = () => (options.transport ?? defaultTransport)(transportOptions);
    const tabs = options.shareConnection === false ? undefined : browserTabs();
    this.transport = new TransportHolder(tabs ? () => new SharedTransport(`rialto ${baseUrl}`, make, tabs) : make);
    // A token is a secret between this client and one server.
    this.tokens = options.tokens ?? localStorageTokens(options.baseUrl && `rialto.token ${baseUrl}`);
    this.keeper = new MessageKeeper(options.messages ?? defaultMessages(baseUrl));
    this.random = options.random ?? Math.random;
    this.displayName = options.displayName ?? "";
    this.connection = new Connection({
      transport: this.transport,
      header: () => this.header(),
      random: this.random,
      events: {
        opened: () => this.opened(),
        received: (response) => this.received(response),
        lost: (error) => this.lost(error),
        tokenRefused: () => this.tokenRefused(),
        changed: () => this.store.changed(),
      },
    });
    this.feed = new Feed((room) => this.sessions.get(room)?.progress);
    this.rooms = this.feed;
    this.session = this.openSession();
    this.store = new Store(() => ({ connection: this.connection.state, user: this.user }));
    this.adopt();
  }

  /** Starts the session and keeps it alive until `close`. While waiting to reconnect: tries now. Otherwise no effect. */
  connect(): void {
    this.connection.start();
  }

  /**
   * Ends everything: the socket, timers, listeners on the page, calls. Nothing is forgotten: `connect` goes on where
   * this stopped, with the same rooms and unsent messages. A call without `connect` opens a socket, until the next `close`.
   */
  close(): void {
    this.calls.abort();
    this.calls = new AbortController();
    this.connection.stop({ code: "closed-by-client", text: "Disconnected." });
    this.transport.close();
  }

  /** Calls the listener after every change of the snapshot. Returns the function that ends this. */
  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  /** Returns the connection and the user. The same object until something changes. */
  getSnapshot(): ClientSnapshot {
    return this.store.getSnapshot();
  }

  /** Returns the room with this id, the same object each time. It is not joined by this. */
  room(id: string): Room {
    return this.roomSession(id);
  }

  private roomSession(id: string): RoomSession {
    let room = this.sessions.get(id);
    if (!room) {
      room = new RoomSession(id, this.session, this.random);
      this.sessions.set(id, room);
    }
    return room;
  }

  /** Returns all rooms, the one with the newest change first. Rejects with ChatError. */
  listRooms(): Promise<RoomSummary[]> {
    return this.roomCalls((calls) => calls.list());
  }

  /** Makes a room whose owner this user becomes. Rejects with ChatError: ALREADY_EXISTS, INVALID_ARGUMENT with the field. */
  createRoom(room: NewRoom): Promise<RoomSummary> {
    return this.roomCalls((calls) => calls.create(room));
  }

  /**
   * Returns the direct room of this user and these others, 1 to 7 by id, and makes it if there is none. Rejects with ChatError:
   * PERMISSION_DENIED if one of them has blocked this user.
   */
  openDirectRoom(userIds: readonly string[]): Promise<RoomSummary> {
    return this.roomCalls((calls) => calls.openDirect(userIds));
  }

  /** Becomes a member of the room that a link's token is for, and returns the room's id. Rejects with ChatError. */
  acceptLink(token: string): Promise<string> {
    return this.roomCalls((calls) => calls.acceptLink(token));
  }

  /**
   * Wants nothing more from somebody: no direct room, no message in it, no invitation. In other rooms hide what they say. Rejects
   * with ChatError.
   */
  blockUser(userId: string): Promise<void> {
    return this.roomCalls((calls) => calls.blockUser(userId));
  }

  /** Ends that. Rejects with ChatError. */
  unblockUser(userId: string): Promise<void> {
    return this.roomCalls((calls) => calls.unblockUser(userId));
  }

  /**
   * Says who this user is, on all their devices: a display name that is set is shown from then on, also instead of the one that
   * this client was made with. Rejects with ChatError: INVALID_ARGUMENT with the field.
   */
  updateProfile(changes: ProfileChanges): Promise<Profile> {
    return this.roomCalls((calls) => calls.updateProfile(changes));
  }

  /**
   * Returns what some users, at most 100 by id, say of themselves, in that order; without any, this user. Nothing tells of a
   * change: read a profile when it is shown. Rejects with ChatError.
   */
  getProfiles(userIds: readonly string[] = []): Promise<Profile[]> {
    return this.roomCalls((calls) => calls.getProfiles(userIds));
  }

  /** Returns whom this user has blocked, by id. Rejects with ChatError. */
  listBlockedUsers(): Promise<string[]> {
    return this.roomCalls((calls) => calls.listBlockedUsers());
  }

  /** Returns what this user is invited to. `room(id).members.add()` accepts. Rejects with ChatError. */
  listInvitations(): Promise<Invitation[]> {
    return this.roomCalls((calls) => calls.listInvitations());
  }

  /** Changes the name that others see from now on. A live session reconnects for it. */
  setDisplayName(name: string): void {
    if (name !== this.displayName) {
      this.displayName = name;
      this.connection.restart();
    }
  }

  /** Takes up messages that another visit left. */
  private adopt(): void {
    this.keeper.adopt(
      (messages) => {
        for (const id of new Set(messages.map(({ room }) => room))) {
          this.roomSession(id).restore(messages.filter(({ room }) => room === id));
        }
      },
      () => {
        for (const room of this.sessions.values()) {
          room.restored();
        }
      },
    );
  }

  /** Returns this client as its rooms see it. */
  private openSession(): Session {
    const { connection, keeper } = this;
    const userId = () => this.user?.id;
    return {
      get userId() {
        return userId();
      },
      keeper,
      get live() {
        return connection.state.status === "live";
      },
      request: (command, onResult) => this.request(command, onResult),
      signal: (command) => connection.sendUnlessCongested({ command }),
      call: (method, request) => this.call(method, request),
      later: (use) => this.later(use),
      progressed: (room) => this.feed.progressed(room),
      marked: (room, readSeq) => this.feed.marked(room, readSeq),
      fail: (reason) => connection.fail(reason),
    };
  }

  private request(command: Command, onResult?: (result: Result) => void): boolean {
    if (!onResult) {
      return this.connection.send({ command });
    }
    const requestId = (++this.requestCount).toString(36);
    const sent = this.connection.send({ requestId, command });
    if (sent) {
      this.replies.set(requestId, onResult);
    }
    return sent;
  }

  private roomCalls<T>(use: (calls: RoomCalls) => Promise<T>): Promise<T> {
    return this.later(({ RoomCalls }) => use(new RoomCalls(this.session.call)));
  }

  private async later<T>(use: (part: Later) => Promise<T>): Promise<T> {
    const { signal } = this.calls;
    const part = await import("./later/index.js").catch(() => {
      throw new ChatError("UNAVAILABLE", "A part of the program could not be loaded.");
    });
    if (signal.aborted) {
      throw closed();
    }
    return use(part);
  }

  /** Makes a unary call as this user: while a connection is under way, once the session is live. */
  private async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const { signal } = this.calls;
    await this.reachable(signal);
    try {
      const call = this.transport.get().unary(method, signal, callTimeoutMs, this.header(), request);
      return (await call).message;
    } catch (reason) {
      throw errorFromCall(reason);
    }
  }

  /** Resolves when the session is live, or there is none to wait for. Rejects when that takes longer than a call may. */
  private reachable(signal: AbortSignal): Promise<void> {
    const waits = () => !["live", "closed"].includes(this.connection.state.status);
    return new Promise((resolve, reject) => {
      const settle = (conclude: () => void) => {
        clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener("abort", abort);
        conclude();
      };
      const abort = () => settle(() => reject(closed()));
      const giveUp = () => settle(() => reject(new ChatError("UNAVAILABLE", "The server cannot be reached.")));
      const check = () => {
        if (!waits()) {
          settle(resolve);
        }
      };
      const timer = setTimeout(giveUp, callTimeoutMs);
      const unsubscribe = this.subscribe(check);
      signal.addEventListener("abort", abort);
      check();
    });
  }

  /** The metadata of a call as this user. */
  private header(): HeadersInit {
    this.token ??= this.tokens.get();
    return this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
  }

  private opened(): void {
    const hello = { displayName: this.displayName };
    this.session.request({ case: "hello", value: hello }, (result) => {
      if (result.case === "error") {
        this.connection.stop({ code: "refused", text: errorFromStatus(result.value).message });
      }
    });
    for (const room of this.sessions.values()) {
      room.opened();
    }
  }

  /** Events come first: a reply in the same response then finds its message in the room already. */
  private received({ events, replies }: ConnectResponse): void {
    const touched = new Set<RoomSession>();
    for (const event of events) {
      const room = this.sessions.get(event.room);
      if (event.kind.case === "welcome") {
        if (!this.welcomed(event.kind.value)) {
          return;
        }
      } else if (event.kind.case === "feed") {
        this.feed.take(event.kind.value);
        for (const { room: info } of event.kind.value.rooms) {
          this.sessions.get(info?.id ?? "")?.admitted();
        }
      } else if (room) {
        room.receive(event);
        touched.add(room);
      }
    }
    for (const room of touched) {
      room.changed();
    }
    for (const { requestId, result } of replies) {
      const onResult = this.replies.get(requestId);
      this.replies.delete(requestId);
      onResult?.(result);
    }
  }

  /** Returns false if this call is not the one to go on with. */
  private welcomed({ user, guestToken }: Welcome): boolean {
    if (guestToken !== "" && this.token === undefined && this.tokens.get() !== undefined) {
      // Another tab became somebody meanwhile: that is who this one is, too.
      this.connection.restart();
      return false;
    }
    this.user = toUser(user);
    if (guestToken !== "") {
      this.token = guestToken;
      this.tokens.set(guestToken);
    }
    this.feed.welcomed(this.user.id, guestToken !== "");
    this.connection.established();
    this.adopt();
    for (const room of this.sessions.values()) {
      room.established();
    }
    return true;
  }

  private lost(error: ChatError | undefined): void {
    this.replies.clear();
    this.feed.lost();
    for (const room of this.sessions.values()) {
      room.lost(error);
    }
  }

  private tokenRefused(): boolean {
    const refused = this.token;
    this.token = undefined;
    // Another tab may have another one since.
    if (this.tokens.get() === refused) {
      this.tokens.clear();
    }
    return refused !== undefined;
  }
}

function defaultTransport(options: ChatTransportOptions): ChatTransport {
  return withHttpFallback(createWebSocketTransport(options), options.baseUrl);
}

/** IndexedDB, whose part of the program is loaded later; where there is none, nothing. */
function defaultMessages(baseUrl: string): MessageStore | undefined {
  if (typeof indexedDB === "undefined") {
    return undefined;
  }
  const store = import("./indexed-db.js").then(({ indexedDbMessages }) =>
    indexedDbMessages(`rialto.messages ${baseUrl}`),
  );
  // Each use of it fails then.
  store.catch(() => undefined);
  return {
    adopt: async () => (await store).adopt(),
    put: async (message) => (await store).put(message),
    delete: async (clientId) => (await store).delete(clientId),
  };
}

function closed(): ChatError {
  return new ChatError("CANCELLED", "The client is closed.");
}

function missing(option: keyof ChatClientOptions): never {
  throw new TypeError(`ChatClient: there is no default for ${option} here`);
}

/** Returns the address with a WebSocket scheme, which older browsers insist on, and without a trailing slash. */
function webSocketUrl(address: string): string {
  return address.replace(/^http/, "ws").replace(/\/+$/, "");
}
