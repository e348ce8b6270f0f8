import { ChatError, type Invitation } from "@rialto/chat";
import { describe, expect, test } from "vitest";
import { BlockedPeople } from "./blocked.js";
import { Directory } from "./directory.js";
import { FakeChat, member, message, own, summary } from "./fake-chat.js";
import { Visits } from "./visits.js";

/** A directory that is started on a page that is looked at, and what the list of public rooms was at that. */
async function open({ list }: { list?: FakeChat["list"] } = {}) {
  const fake = new FakeChat();
  fake.list = list ?? [];
  const visits = new Visits(fake.client);
  const nothing = { getItem: () => null, setItem: () => undefined };
  const done = () => Promise.resolve();
  const blocking = { blockUser: done, unblockUser: done, listBlockedUsers: () => Promise.resolve([]) };
  const blocked = new BlockedPeople(blocking, nothing);
  const directory = new Directory(fake.client, visits, blocked);
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" as const });
  const end = directory.start(page as unknown as Document);
  /** Lets what was asked for come. */
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  await settle();
  const look = () => {
    page.dispatchEvent(new Event("visibilitychange"));
    return settle();
  };
  return { fake, visits, blocked, directory, look, settle, end };
}

const outline = (directory: Directory) => directory.getSnapshot().rooms.map((room) => `${room.name} ${room.unread}`);

describe("Directory", () => {
  test("has the newest activity first, under the title if there is one", async () => {
    const list = [
      summary("a", 1),
      summary("b", 3, { title: "Bee" }),
      { ...summary("c", 0), updateTime: undefined },
      summary("d", 2),
    ];
    const { fake, directory } = await open({ list });
    fake.tell([own("e", 4, { unread: 2, mentions: 1 })]);
    expect(outline(directory)).toEqual(["e 2", "Bee 0", "d 0", "a 0", "c 0"]);
    const { rooms, loaded } = directory.getSnapshot();
    expect(loaded).toBe(true);
    expect(rooms.map(({ mine, mentions }) => [mine, mentions]).slice(0, 2)).toEqual([
      [true, 1],
      [false, 0],
    ]);
  });

  test("counts what is not read in rooms that were read once, not in strangers' rooms", async () => {
    const list = [summary("known", 2, { readSeq: 7, unread: 3 }), summary("strange", 1, { readSeq: 0, unread: 10 })];
    const { fake, directory } = await open({ list });
    expect(outline(directory)).toEqual(["known 3", "strange 0"]);
    // In one's own rooms everything counts.
    fake.tell([own("strange", 1, { readSeq: 0, unread: 10 })]);
    expect(outline(directory)).toEqual(["known 3", "strange 10"]);
  });

  test("follows the feed without asking: rooms come and go, and so do invitations", async () => {
    const { fake, directory } = await open({ list: [summary("den", 1, { kind: "private" }), summary("square", 2)] });
    const invitation = { room: summary("hut", 0), invitedBy: member("bo", "Bo").user } as Invitation;
    fake.tell([own("den", 3, { kind: "private" })], [invitation]);
    expect(directory.getSnapshot()).toMatchObject({
      rooms: [{ id: "den", mine: true, kind: "private" }, { id: "square" }],
      invitations: [{ room: { id: "hut" } }],
    });
    // Whoever is removed from a private room sees it no more, whatever the list said before.
    fake.tell([]);
    expect(directory.getSnapshot()).toMatchObject({ rooms: [{ id: "square" }], invitations: [] });
  });

  test("believes an open room more than the list, and shows it before the list does", async () => {
    const { fake, visits, directory, look } = await open();
    visits.visit("fresh");
    expect(outline(directory)).toEqual(["fresh 0"]);
    fake.list = [summary("a", 1, { unread: 5 }), summary("b", 2)];
    await look();
    visits.visit("a");
    expect(outline(directory)).toEqual(["b 0", "a 5", "fresh 0"]);
    const aboutMe = message(11, "you!", { mentions: ["me"], createTime: new Date(2026, 10, 23, 12, 3) });
    fake.show("a", { status: "live", unread: 1, readSeq: 10, title: "Aye", messages: [aboutMe] });
    expect(outline(directory)).toEqual(["Aye 1", "b 0", "fresh 0"]);
    expect(directory.getSnapshot().rooms[0]?.mentions).toBe(1);
  });

  test("counts no mention by somebody who is blocked, where the messages are here", async () => {
    const { fake, visits, blocked, directory } = await open({ list: [summary("a", 2)] });
    const cy = { id: "cy", name: "Cy", guest: true };
    const messages = [message(11, "you!", { mentions: ["me"] }), message(12, "you?", { mentions: ["me"], sender: cy })];
    const unread = { status: "live", unread: 2, readSeq: 10, messages } as const;
    fake.tell([own("mine", 1, { unread: 2, mentions: 2 })]);
    for (const id of ["a", "mine"]) {
      visits.visit(id);
      fake.show(id, unread);
    }
    const mentions = () => directory.getSnapshot().rooms.map((room) => room.mentions);
    expect(mentions()).toEqual([2, 2]);
    await blocked.block(cy);
    expect(mentions()).toEqual([1, 1]);
    await blocked.unblock("cy");
    expect(mentions()).toEqual([2, 2]);
  });

  test("does not list an open room that cannot be joined", async () => {
    const { fake, visits, directory } = await open();
    visits.visit("den");
    fake.show("den", { error: new ChatError("NOT_FOUND", "no such room") });
    expect(outline(directory)).toEqual([]);
  });

  test("calls a direct room after its people, for whom it asks once", async () => {
    const { fake, directory, settle } = await open();
    fake.people("direct.1", [member("me", "Me"), member("bo", "Bo")]);
    const direct = own("direct.1", 1, { kind: "direct", people: ["bo", "me"] });
    fake.tell([direct]);
    expect(outline(directory)).toEqual(["Direct messages 0"]);
    await settle();
    expect(outline(directory)).toEqual(["Bo 0"]);
    fake.tell([{ ...direct, unread: 1 }]);
    await settle();
    expect(outline(directory)).toEqual(["Bo 1"]);
    expect(fake.asked).toEqual(["direct.1"]);
  });

  test("tells listeners of changes only, and keeps the rows that did not change", async () => {
    const { fake, visits, directory, look } = await open({ list: [summary("a", 2), summary("b", 1)] });
    visits.visit("a");
    fake.tell([own("b", 1)]);
    const before = directory.getSnapshot();
    let told = 0;
    directory.subscribe(() => {
      told += 1;
    });
    await look();
    fake.show("a", { onlineCount: 3 });
    expect(told).toBe(0);
    expect(directory.getSnapshot()).toBe(before);
    fake.show("a", { status: "live", unread: 1 });
    expect(told).toBe(1);
    expect(directory.getSnapshot().rooms[1]).toBe(before.rooms[1]);
  });

  test("keeps what it has when the server cannot be asked, and says so", async () => {
    const { fake, directory, look, end } = await open({ list: [summary("a", 1)] });
    fake.list = new ChatError("UNAVAILABLE", "dial tcp");
    await look();
    expect(outline(directory)).toEqual(["a 0"]);
    expect(directory.getSnapshot().error).toBe("The server cannot be reached just now.");
    fake.list = [];
    await look();
    expect(directory.getSnapshot().error).toBeUndefined();
    end();
    fake.list = [summary("b", 1)];
    await look();
    expect(outline(directory)).toEqual([]);
  });
});
