import { expect, test } from "vitest";
import { FakeChat, message, own } from "./fake-chat.js";
import { NewsDesk } from "./news.js";
import { Visits } from "./visits.js";

/** A desk with a listener who wants all of some rooms, and of the others what mentions them. */
function open(all: readonly string[] = []) {
  const fake = new FakeChat();
  const visits = new Visits(fake.client);
  const heard: string[] = [];
  const listener = {
    wants: (room: string, mentioned: boolean) => mentioned || all.includes(room),
    hear: ({ name, message: { text } }: { name: string; message: { text: string } }) => heard.push(`${name}: ${text}`),
  };
  new NewsDesk(fake.client, visits, listener).start();
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  return { fake, visits, heard, settle };
}

const mentioned = { mentions: ["me"] };

test("what others say in joined rooms is heard once, in order, without what was there before", () => {
  const { fake, visits, heard } = open(["lobby"]);
  visits.visit("lobby");
  const live = { status: "live", title: "The lobby" } as const;
  fake.show("lobby", { ...live, headSeq: 1, messages: [message(1, "old")] });
  const mine = message(3, "mine", { sender: { id: "me", name: "Me", guest: true } });
  const messages = [message(1, "old"), message(2, "new"), mine, message(4, "gone", { deleted: true })];
  fake.show("lobby", { headSeq: 4, messages });
  fake.show("lobby", { onlineCount: 2 });
  // What is caught up with after a break counts, too.
  fake.show("lobby", { status: "catching-up", headSeq: 5 });
  fake.show("lobby", { ...live, headSeq: 5, messages: [...messages, message(5, "late")] });
  expect(heard).toEqual(["The lobby: new", "The lobby: late"]);
});

test("of rooms that are not joined only what is wanted is asked for", async () => {
  const { fake, heard, settle } = open(["loud"]);
  const rooms = [own("loud", 1, { headSeq: 1 }), own("quiet", 1, { headSeq: 1, title: "Quiet" })];
  fake.tell(rooms);
  await settle();
  const [loud, quiet] = rooms.map((room) => ({ ...room, headSeq: 2, unread: 1 }));
  fake.show("loud", { messages: [message(1, "old"), message(2, "new")] });
  fake.show("quiet", { messages: [message(2, "hum"), message(3, "hey", mentioned)] });
  fake.tell(loud && quiet ? [loud, quiet] : []);
  await settle();
  expect(fake.asked).toEqual(["loud"]);
  expect(heard).toEqual(["loud: new"]);
  fake.tell(loud && quiet ? [loud, { ...quiet, headSeq: 3, unread: 2, mentions: 1 }] : []);
  await settle();
  expect(fake.asked).toEqual(["loud", "quiet"]);
  expect(heard).toEqual(["loud: new", "Quiet: hey"]);
});

test("what comes while a room is asked is asked for behind that", async () => {
  const { fake, heard, settle } = open(["loud"]);
  const room = own("loud", 1, { headSeq: 1 });
  fake.tell([room]);
  fake.show("loud", { messages: [message(2, "two")] });
  fake.tell([{ ...room, headSeq: 2, unread: 1 }]);
  fake.tell([{ ...room, headSeq: 3, unread: 2 }]);
  await Promise.resolve();
  fake.show("loud", { messages: [message(2, "two"), message(3, "three")] });
  await settle();
  expect(heard).toEqual(["loud: two", "loud: three"]);
});

test("what was read meanwhile is no news", async () => {
  const { fake, heard, settle } = open(["loud"]);
  const room = own("loud", 1, { headSeq: 1 });
  fake.tell([room]);
  fake.show("loud", { messages: [message(2, "two")] });
  fake.tell([{ ...room, headSeq: 2, unread: 0 }]);
  await settle();
  expect([heard, fake.asked]).toEqual([[], []]);
});
