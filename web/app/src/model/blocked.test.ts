import { expect, test, vi } from "vitest";
import { BlockedPeople } from "./blocked.js";

/** A server that knows whom one has blocked, and a browser that remembers. */
function open(blocked: string[] = [], stored: string | null = null) {
  const items = new Map<string, string>(stored === null ? [] : [["rialto.blocked", stored]]);
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
  const client = {
    blockUser: async (id: string) => void blocked.push(id),
    unblockUser: async (id: string) => void blocked.splice(blocked.indexOf(id), 1),
    listBlockedUsers: async () => [...blocked],
  };
  return { people: new BlockedPeople(client, storage), reopen: () => new BlockedPeople(client, storage), blocked };
}

const bo = { id: "bo", name: "Bo", guest: true };

test("whom one blocks is known with their name at once, also before the server is asked the next time", async () => {
  const { people, reopen, blocked } = open();
  const listener = vi.fn();
  people.subscribe(listener);
  await people.block(bo);
  expect([blocked, [...people.getSnapshot()], people.has("bo")]).toEqual([["bo"], [["bo", "Bo"]], true]);
  expect(listener).toHaveBeenCalledTimes(1);
  expect([...reopen().getSnapshot()]).toEqual([["bo", "Bo"]]);
  await people.unblock("bo");
  expect([blocked, reopen().has("bo")]).toEqual([[], false]);
});

test("the server's list counts; names stay, and the same list is no change", async () => {
  const { people, blocked } = open(
    ["bo"],
    JSON.stringify([
      ["bo", "Bo"],
      ["cy", "Cy"],
    ]),
  );
  const before = people.getSnapshot();
  expect(people.has("cy")).toBe(true);
  await people.load();
  expect([...people.getSnapshot()]).toEqual([["bo", "Bo"]]);
  const after = people.getSnapshot();
  expect(after).not.toBe(before);
  await people.load();
  expect(people.getSnapshot()).toBe(after);
  blocked.push("di");
  await people.load();
  expect([...people.getSnapshot()]).toEqual([
    ["bo", "Bo"],
    ["di", ""],
  ]);
});

test.each(["{", "7", '[["bo"], 3, ["bo", 4]]'])("what is remembered wrong, %s, is not there", (stored) => {
  expect([...open([], stored).people.getSnapshot()]).toEqual([]);
});
