import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import {
  ChatService,
  type ConnectResponse,
  type SubscribeRequest,
  type SubscribeResponseSchema,
} from "@rialto/gen/rialto/chat/v1/chat_pb";
import { type Event, ShutOutReason } from "@rialto/gen/rialto/chat/v1/event_pb";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { Role, RoomKind } from "@rialto/gen/rialto/chat/v1/types_pb";
import { afterEach, expect, test, vi } from "vitest";
import { HttpSession } from "../src/http/session.js";
import { type Request, RequestQueue } from "../src/request-queue.js";
import { Inbox } from "../src/tabs/inbox.js";
import { ana, type EventInit, epoch, posted, snapshot, welcome } from "./wire.js";

type Response = MessageInitShape<typeof SubscribeResponseSchema>;

/** One Subscribe, whose server is the test. */
interface Subscription {
  readonly request: SubscribeRequest;
  readonly context: HandlerContext;
  readonly responses: Inbox<Response>;
}

/** A server of Rialto's calls, in memory, and a session with it. */
class World {
  readonly requests = new RequestQueue();
  readonly subscriptions: Subscription[] = [];
  readonly authorizations: (string | null)[] = [];
  readonly posts: string[] = [];
  /** Rooms that GetRoom does not find. */
  readonly hidden = new Set<string>();
  /** What GetRoom fails with, for these rooms. */
  readonly refused = new Map<string, ConnectError>();
  /** Where the snapshots of rooms are. What the user is changes behind rev 9, where rooms are found first. */
  headRev = 9;
  /** Rooms that are private. */
  readonly privates = new Set<string>();
  readonly got: ConnectResponse[] = [];
  end: ConnectError | undefined;
  /** Called before a post is answered. */
  beforePost: (text: string) => Promise<void> = () => Promise.resolve();

  start(header: HeadersInit = { authorization: "Bearer token" }): this {
    const http = createRouterTransport(({ service }) => {
      service(ChatService, {
        createGuest: () => ({ user: ana, guestToken: "fresh" }),
        sendSignal: () => ({}),
        subscribe: (request, context) => {
          this.authorizations.push(context.requestHeader.get("authorization"));
          const responses = new Inbox<Response>(() => undefined);
          context.signal.addEventListener("abort", () => responses.finish());
          this.subscriptions.push({ request, context, responses });
          if (request.self) {
            responses.push({ events: [welcome(ana)] });
          }
          const fresh = request.rooms.filter(({ room, start }) => start.case === "history" && !this.hidden.has(room));
          responses.push({ events: fresh.map(({ room: id }) => room(snapshot([], { headRev: this.headRev }), id)) });
          return responses;
        },
      });
      service(RoomService, {
        listRooms: () => ({}),
        getRoom: ({ room, minRev }) => {
          if (this.hidden.has(room)) {
            throw new ConnectError("no such room", Code.NotFound);
          }
          const refusal = this.refused.get(room);
          if (refusal) {
            throw refusal;
          }
          const kind = this.privates.has(room) ? RoomKind.PRIVATE : RoomKind.PUBLIC;
          return {
            room: { id: room, kind, headRev: minRev > 9n ? minRev : 9n, headSeq: 9n, firstSeq: 1n },
            epoch,
            member: { room, user: ana, role: minRev > 9n ? Role.MEMBER : Role.OWNER },
            read: { room, seq: 4n },
          };
        },
      });
      service(MemberService, {
        markRead: ({ room, seq }) => ({ read: { room, seq } }),
      });
      service(MessageService, {
        postMessage: async ({ room, body }) => {
          const text = body.case === "text" ? body.value : "";
          await this.beforePost(text);
          this.posts.push(text);
          const seq = BigInt(this.posts.length);
          return { message: { room, seq, rev: seq }, duplicate: false };
        },
      });
    });
    void this.read(new HttpSession(http, new Headers(header), undefined).run(this.requests));
    return this;
  }

  /** Sends a command and returns the reply to it. */
  async ask(command: NonNullable<Request["command"]>) {
    const requestId = crypto.randomUUID();
    this.requests.push({ requestId, command });
    return vi.waitFor(() => {
      const reply = this.got.flatMap(({ replies }) => replies).find((one) => one.requestId === requestId);
      if (!reply) {
        throw new Error("no reply yet");
      }
      return reply.result;
    });
  }

  hello = () => this.ask({ case: "hello", value: { displayName: "Ana" } });

  join = (room: string, rev?: number) =>
    this.ask({
      case: "join",
      value: {
        room,
        start:
          rev === undefined ? { case: "history", value: 50 } : { case: "resume", value: { epoch, rev: BigInt(rev) } },
      },
    });

  get events(): Event[] {
    return this.got.flatMap(({ events }) => events);
  }

  /** Who was shut out of what, and why. */
  get shutOuts(): (readonly [string, ShutOutReason])[] {
    return this.events.flatMap(({ room, kind }) =>
      kind.case === "shutOut" ? [[room, kind.value.reason] as const] : [],
    );
  }

  /** The newest Subscribe for rooms that has not ended, once it is for these rooms. */
  subscribed(...rooms: string[]): Promise<Subscription> {
    return vi.waitFor(() => {
      const newest = this.subscriptions.filter(({ request }) => !request.self).at(-1);
      expect(newest?.request.rooms.map(({ room }) => room)).toEqual(rooms);
      return newest as Subscription;
    });
  }

  private async read(responses: AsyncIterable<ConnectResponse>): Promise<void> {
    try {
      for await (const response of responses) {
        this.got.push(response);
      }
    } catch (reason) {
      this.end = ConnectError.from(reason);
    }
  }
}

let world = new World();

afterEach(() => {
  world.requests.end();
  world = new World();
});

const room = (event: EventInit, id: string): EventInit => ({ ...event, room: id });

test("somebody new becomes a guest first, who is welcomed once; all calls after that are theirs", async () => {
  world.start({});
  expect(await world.hello()).toMatchObject({ case: "hello", value: { user: { id: ana.id } } });
  const welcomes = world.events.filter(({ kind }) => kind.case === "welcome");
  expect(welcomes.map(({ kind }) => kind.value)).toMatchObject([{ guestToken: "fresh", user: { id: ana.id } }]);
  expect(world.authorizations).toEqual(["Bearer fresh"]);
});

test("rooms share one Subscribe, which goes on behind what came when they are others", async () => {
  world.start();
  await world.hello();
  const lobby = await world.join("lobby");
  expect(lobby).toMatchObject({
    case: "join",
    value: { epoch, resumed: false, room: { headRev: 9n }, read: { seq: 4n }, member: { role: Role.OWNER } },
  });
  const first = await world.subscribed("lobby");
  expect(first.request.rooms[0]?.start).toMatchObject({ case: "history", value: 50 });
  first.responses.push({ events: [posted(10)] });
  await vi.waitFor(() => expect(world.events.map(({ rev }) => rev)).toContain(10n));

  expect(await world.join("attic", 3)).toMatchObject({ value: { resumed: true } });
  const second = await world.subscribed("lobby", "attic");
  expect(first.context.signal.aborted).toBe(true);
  expect(second.request.rooms.map(({ start }) => start.value)).toMatchObject([
    { epoch, rev: 10n },
    { epoch, rev: 3n },
  ]);
  await world.ask({ case: "leave", value: { room: "lobby" } });
  await world.subscribed("attic");
});

test("a join says what the user is where the snapshot is, also if that lies behind where the room was found", async () => {
  world.headRev = 11;
  world.start();
  await world.hello();
  expect(await world.join("lobby")).toMatchObject({
    case: "join",
    value: { room: { headRev: 11n }, member: { role: Role.MEMBER } },
  });
  // A resumed room tells by its events.
  expect(await world.join("attic", 3)).toMatchObject({ value: { resumed: true, member: { role: Role.OWNER } } });
});

test("the session ends where a resumed room begins anew and no event tells what the user is there", async () => {
  world.start();
  await world.hello();
  await world.join("attic", 3);
  const { responses } = await world.subscribed("attic");
  // Here it was found.
  responses.push({ events: [room(snapshot([], { headRev: 9 }), "attic")] });
  await vi.waitFor(() => expect(world.events.at(-1)).toMatchObject({ room: "attic", rev: 9n }));
  await world.ask({ case: "markRead", value: { room: "attic", seq: 1n } });
  responses.push({ events: [room(snapshot([], { headRev: 12 }), "attic")] });
  await vi.waitFor(() => expect(world.end).toMatchObject({ code: Code.Unavailable }));
  // From there the next session goes on.
  expect(world.events.at(-1)).toMatchObject({ room: "attic", rev: 12n });
});

test("a join whose room is left, or joined again, before it begins is answered as void", async () => {
  world.start();
  await world.hello();
  const first = world.join("lobby");
  const second = world.join("lobby");
  expect(await first).toMatchObject({ case: "error", value: { code: Code.Aborted } });
  expect(await second).toMatchObject({ case: "join" });
});

test("the feed comes too", async () => {
  world.start();
  await world.hello();
  world.subscriptions[0]?.responses.push({
    events: [{ kind: { case: "feed", value: { reset: true, rooms: [{ room: { id: "lobby" } }] } } }],
  });
  await vi.waitFor(() => expect(world.events.some(({ kind }) => kind.case === "feed")).toBe(true));
});

test("a room that no call finds has a Subscribe of its own, which may be refused without harm to the others", async () => {
  world.hidden.add("den").add("unmade");
  world.start();
  await world.hello();
  await world.join("lobby");
  const lobby = await world.subscribed("lobby");
  const den = world.join("den");
  (await world.subscribed("den")).responses.finish(new ConnectError("no such room", Code.NotFound));
  expect(await den).toMatchObject({ case: "error", value: { code: Code.NotFound, message: "no such room" } });
  const unmade = world.join("unmade");
  const alone = await world.subscribed("unmade");
  alone.responses.push({ events: [room(snapshot([]), "unmade")] });
  expect(await unmade).toMatchObject({ case: "join", value: { epoch, resumed: false } });
  alone.responses.push({ events: [room(posted(1), "unmade")] });
  await vi.waitFor(() => expect(world.events.some(({ kind }) => kind.case === "posted")).toBe(true));
  expect(lobby.context.signal.aborted).toBe(false);
  await world.ask({ case: "leave", value: { room: "unmade" } });
  expect(alone.context.signal.aborted).toBe(true);
});

test("a room that is followed alone is no more when its Subscribe is refused, and the others go on", async () => {
  world.hidden.add("unmade").add("banned");
  world.start();
  await world.hello();
  await world.join("lobby");
  const lobby = await world.subscribed("lobby");
  for (const [id, code] of [
    ["unmade", Code.NotFound],
    ["banned", Code.PermissionDenied],
  ] as const) {
    const join = world.join(id);
    const alone = await world.subscribed(id);
    alone.responses.push({ events: [room(snapshot([]), id)] });
    await join;
    alone.responses.finish(new ConnectError("no", code));
  }
  await vi.waitFor(() =>
    expect(world.shutOuts).toEqual([
      ["unmade", ShutOutReason.ROOM_DELETED],
      ["banned", ShutOutReason.UNSPECIFIED],
    ]),
  );
  expect([world.end, lobby.context.signal.aborted]).toEqual([undefined, false]);
});

test("a Subscribe for one room is done with when its user is shut out, and ends the session when it just ends", async () => {
  world.hidden.add("unmade").add("gone");
  world.start();
  await world.hello();
  const gone = world.join("gone");
  const shut = await world.subscribed("gone");
  const value = { reason: ShutOutReason.ROOM_DELETED };
  shut.responses.push({ events: [{ room: "gone", kind: { case: "shutOut", value } }] });
  expect(await gone).toMatchObject({ case: "error", value: { code: Code.NotFound } });
  await vi.waitFor(() => expect(shut.context.signal.aborted).toBe(true));
  expect([world.shutOuts.length, world.end]).toEqual([1, undefined]);

  const unmade = world.join("unmade");
  const alone = await world.subscribed("unmade");
  alone.responses.push({ events: [room(snapshot([]), "unmade")] });
  await unmade;
  alone.responses.finish();
  await vi.waitFor(() => expect(world.end).toMatchObject({ code: Code.Unavailable, isWireError: false }));
});

test("who may not see some of the rooms any more is shut out of those, and the others go on", async () => {
  world.privates.add("den");
  world.start();
  await world.hello();
  const rooms = ["lobby", "den", "attic", "cellar"];
  await Promise.all(rooms.map((id) => world.join(id)));
  const all = await world.subscribed(...rooms);
  world.hidden.add("den").add("attic");
  world.refused.set("cellar", new ConnectError("you are banned from the room", Code.PermissionDenied));
  all.responses.finish(new ConnectError("no such room", Code.NotFound));
  await world.subscribed("lobby");
  // Of the private one nobody says whether it was deleted.
  expect(world.shutOuts).toEqual([
    ["den", ShutOutReason.UNSPECIFIED],
    ["attic", ShutOutReason.ROOM_DELETED],
    ["cellar", ShutOutReason.UNSPECIFIED],
  ]);
  expect(world.end).toBeUndefined();
});

test("a room that became private meanwhile is not taken for deleted", async () => {
  world.start();
  await world.hello();
  await world.join("lobby", 3);
  const { responses } = await world.subscribed("lobby");
  const value = { id: "lobby", kind: RoomKind.PRIVATE };
  responses.push({ events: [{ room: "lobby", rev: 4n, kind: { case: "roomChanged", value } }] });
  await vi.waitFor(() => expect(world.events.at(-1)?.rev).toBe(4n));
  world.hidden.add("lobby");
  responses.finish(new ConnectError("no such room", Code.NotFound));
  await vi.waitFor(() => expect(world.shutOuts).toEqual([["lobby", ShutOutReason.UNSPECIFIED]]));
});

test.each([
  ["the server is busy", new ConnectError("busy", Code.ResourceExhausted), Code.ResourceExhausted],
  ["the server has a fault", new ConnectError("internal error", Code.Internal), Code.Internal],
  ["all of them are open again", undefined, Code.Unavailable],
])("nobody is shut out of rooms while %s: the session ends, to be tried again", async (_, failure, code) => {
  world.start();
  await world.hello();
  await Promise.all([world.join("lobby"), world.join("den")]);
  const both = await world.subscribed("lobby", "den");
  if (failure) {
    world.hidden.add("den");
    world.refused.set("lobby", failure);
  }
  both.responses.finish(new ConnectError("no such room", Code.NotFound));
  await vi.waitFor(() => expect(world.end).toMatchObject({ code, isWireError: true }));
  expect(world.shutOuts).toEqual([]);
});

test("messages are posted one after the other, and refusals are replies", async () => {
  world.start();
  await world.hello();
  let release: (() => void) | undefined;
  world.beforePost = (text) => {
    if (text === "bad") {
      throw new ConnectError("too long", Code.InvalidArgument);
    }
    return text === "one" ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
  };
  const post = (text: string) =>
    world.ask({ case: "publish", value: { room: "lobby", clientId: text, body: { case: "text", value: text } } });
  const answers = [post("one"), post("bad"), post("two")];
  await vi.waitFor(() => {
    expect(release).toBeDefined();
    release?.();
  });
  expect(await Promise.all(answers)).toMatchObject([
    { case: "publish", value: { seq: 1n } },
    { case: "error", value: { code: Code.InvalidArgument, message: "too long" } },
    { case: "publish", value: { seq: 2n } },
  ]);
  expect(world.posts).toEqual(["one", "two"]);
  expect(await world.ask({ case: "markRead", value: { room: "lobby", seq: 2n } })).toMatchObject({
    value: { read: { seq: 2n } },
  });
});

test("what waits behind a message that is refused for now is refused, too, and does not overtake it", async () => {
  world.start();
  await world.hello();
  let refuse: (() => void) | undefined;
  world.beforePost = (text) =>
    text === "one"
      ? new Promise((_, reject) => {
          refuse = () => reject(new ConnectError("busy", Code.Unavailable));
        })
      : Promise.resolve();
  const post = (text: string, room = "lobby") =>
    world.ask({ case: "publish", value: { room, clientId: text, body: { case: "text", value: text } } });
  const answers = [post("one"), post("two"), post("elsewhere", "attic")];
  await vi.waitFor(() => {
    expect(refuse).toBeDefined();
    refuse?.();
  });
  expect(await Promise.all(answers)).toMatchObject([
    { case: "error", value: { code: Code.Unavailable } },
    { case: "error", value: { code: Code.Aborted } },
    { case: "publish" },
  ]);
  expect(await post("two")).toMatchObject({ case: "publish" });
  expect(world.posts).toEqual(["elsewhere", "two"]);
});

test("it ends as its streams do: with what the server says, or because there is none", async () => {
  world.start();
  await world.hello();
  world.subscriptions[0]?.responses.finish(new ConnectError("going away", Code.Unavailable));
  await vi.waitFor(() => expect(world.end).toMatchObject({ code: Code.Unavailable, rawMessage: "going away" }));

  world = new World().start();
  await world.hello();
  await world.join("lobby");
  const { responses } = await world.subscribed("lobby");
  responses.finish();
  await vi.waitFor(() => expect(world.end).toMatchObject({ code: Code.Unavailable, isWireError: false }));
  expect(world.subscriptions.every(({ context }) => context.signal.aborted)).toBe(true);
});
