import { ChatError, type Room, type RoomSnapshot, type RoomSummary } from "@rialto/chat";
import { describe, expect, test } from "vitest";
import { Directory, type DirectoryClient } from "./directory.js";

/** A client of which only the list of rooms and the rooms' snapshots matter. */
class FakeClient {
  list: RoomSummary[] | Error = [];
  readonly joined = new Map<string, number>();
  private readonly rooms = new Map<string, { snapshot: RoomSnapshot; listeners: Set<() => void> }>();

  readonly client: DirectoryClient = {
    listRooms: () => (this.list instanceof Error ? Promise.reject(this.list) : Promise.resolve(this.list)),
    listInvitations: () => Promise.resolve([]),
    subscribe: () => () => undefined,
    getSnapshot: () => ({ connection: { status: "live" }, user: undefined }),
    room: (id) => this.room(id),
  };

  /** What a joined room shows from now on. */
  show(id: string, change: Partial<RoomSnapshot>): void {
    const held = this.held(id);
    held.snapshot = { ...held.snapshot, ...change };
    for (const listener of held.listeners) {
      listener();
    }
  }

  private held(id: string) {
    const held = this.rooms.get(id) ?? { snapshot: { ...idle, id }, listeners: new Set() };
    this.rooms.set(id, held);
    return held;
  }

  private room(id: string): Room {
    const held = this.held(id);
    const count = (change: number) => this.joined.set(id, (this.joined.get(id) ?? 0) + change);
    return {
      id,
      subscribe: (listener: () => void) => {
        held.listeners.add(listener);
        return () => held.listeners.delete(listener);
      },
      getSnapshot: () => held.snapshot,
      join: () => count(1),
      leave: () => count(-1),
    } as unknown as Room;
  }
}

const idle: RoomSnapshot = {
  id: "",
  title: "",
  topic: "",
  slowModeMs: 0,
  kind: "public",
  posting: "visitor",
  archived: false,
  joinRequests: false,
  people: [],
  memberCount: 0,
  status: "idle",
  missing: 0,
  messages: [],
  pending: [],
  online: [],
  onlineCount: 0,
  typing: [],
  hasOlder: false,
  loadingOlder: false,
  headSeq: 0,
  readSeq: 0,
  unread: 0,
};

function summary(id: string, minute: number, counts: Partial<RoomSummary> = {}): RoomSummary {
  const updateTime = new Date(2026, 10, 23, 12, minute);
  const room = { id, title: "", topic: "", kind: "public" as const, archived: false, people: [], memberCount: 0 };
  return { ...room, headSeq: 10, readSeq: 10, unread: 0, updateTime, ...counts };
}

const outline = (directory: Directory) => directory.getSnapshot().rooms.map((room) => `${room.name} ${room.unread}`);

describe("Directory", () => {
  test("has the newest activity first, under the title if there is one", async () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    expect(directory.getSnapshot()).toEqual({ rooms: [], invitations: [], loaded: false });
    fake.list = [
      summary("a", 1),
      summary("b", 3, { title: "Bee" }),
      { ...summary("c", 0), updateTime: undefined },
      summary("d", 2),
    ];
    await directory.refresh();
    expect(outline(directory)).toEqual(["Bee 0", "d 0", "a 0", "c 0"]);
    expect(directory.getSnapshot().loaded).toBe(true);
  });

  test("counts what is not read in rooms that were read once, not in strangers' rooms", async () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    fake.list = [summary("known", 2, { readSeq: 7, unread: 3 }), summary("strange", 1, { readSeq: 0, unread: 10 })];
    await directory.refresh();
    expect(outline(directory)).toEqual(["known 3", "strange 0"]);
  });

  test("believes a joined room more than the list, and shows it before the list does", async () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    directory.visit("fresh");
    expect(outline(directory)).toEqual(["fresh 0"]);
    fake.list = [summary("a", 1, { unread: 5 }), summary("b", 2)];
    await directory.refresh();
    directory.visit("a");
    expect(outline(directory)).toEqual(["b 0", "a 5", "fresh 0"]);
    fake.show("a", { status: "live", unread: 1, title: "Aye" });
    expect(outline(directory)).toEqual(["b 0", "Aye 1", "fresh 0"]);
  });

  test("tells listeners of changes only, and keeps the rows that did not change", async () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    fake.list = [summary("a", 2), summary("b", 1)];
    await directory.refresh();
    directory.visit("a");
    const before = directory.getSnapshot();
    let told = 0;
    directory.subscribe(() => {
      told += 1;
    });
    await directory.refresh();
    fake.show("a", { onlineCount: 3 });
    expect(told).toBe(0);
    expect(directory.getSnapshot()).toBe(before);
    fake.show("a", { status: "live", unread: 1 });
    expect(told).toBe(1);
    expect(directory.getSnapshot().rooms[1]).toBe(before.rooms[1]);
  });

  test("keeps the last eight rooms joined and leaves those before", () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    for (const id of ["1", "2", "3", "4", "5", "6", "7", "8", "1", "9"]) {
      directory.visit(id);
    }
    const joined = [...fake.joined].filter(([, count]) => count > 0).map(([id]) => id);
    expect(joined.sort()).toEqual(["1", "3", "4", "5", "6", "7", "8", "9"]);
    expect([...fake.joined.values()].every((count) => count === 0 || count === 1)).toBe(true);
  });

  test("keeps what it has when the server cannot be asked, and says so", async () => {
    const fake = new FakeClient();
    const directory = new Directory(fake.client);
    fake.list = [summary("a", 1)];
    await directory.refresh();
    fake.list = new ChatError("UNAVAILABLE", "dial tcp");
    await directory.refresh();
    expect(outline(directory)).toEqual(["a 0"]);
    expect(directory.getSnapshot().error).toBe("The server cannot be reached just now.");
    fake.list = [];
    await directory.refresh();
    expect(directory.getSnapshot().error).toBeUndefined();
  });
});
