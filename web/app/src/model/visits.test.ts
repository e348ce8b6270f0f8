import { expect, test } from "vitest";
import { FakeChat } from "./fake-chat.js";
import { Visits } from "./visits.js";

test("the last eight rooms stay joined, those before are left, and in the end all are", () => {
  const fake = new FakeChat();
  const visits = new Visits(fake.client);
  for (const id of ["1", "2", "3", "4", "5", "6", "7", "8", "1", "9"]) {
    visits.visit(id);
  }
  const joined = () => [...fake.joined].filter(([, count]) => count > 0).map(([id]) => id);
  expect(joined().sort()).toEqual(["1", "3", "4", "5", "6", "7", "8", "9"]);
  expect([...fake.joined.values()].every((count) => count === 0 || count === 1)).toBe(true);
  expect([visits.has("1"), visits.has("2")]).toEqual([true, false]);
  visits.end();
  expect(joined()).toEqual([]);
});

test("listeners hear of changes in these rooms alone", () => {
  const fake = new FakeChat();
  const visits = new Visits(fake.client);
  const heard: string[] = [];
  const unsubscribe = visits.subscribe(({ id }) => heard.push(id));
  visits.visit("a");
  fake.show("a", { onlineCount: 1 });
  fake.show("b", { onlineCount: 1 });
  expect(heard).toEqual(["a", "a"]);
  unsubscribe();
  fake.show("a", { onlineCount: 2 });
  expect(heard).toEqual(["a", "a"]);
});
