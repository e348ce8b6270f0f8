import type { User } from "@rialto/chat";
import { expect, test } from "vitest";
import { findPeople, queryAt } from "./completion.js";

const user = (id: string, name: string): User => ({ id, name, guest: true });
const people = [user("1", "Ana"), user("2", "Ana Contarini"), user("3", "Zoë Ánder"), user("4", "bo")];

test.each([
  ["@", { kind: "mention", text: "", from: 0 }],
  ["hi @an", { kind: "mention", text: "an", from: 3 }],
  ["hi (@Ana Con", { kind: "mention", text: "Ana Con", from: 4 }],
  ["mail@example", undefined],
  ["@Ana said so now", undefined],
  ["nice :tad", { kind: "emoji", text: "tad", from: 5 }],
  ["10:30", undefined],
  ["a :x", undefined],
])("%j", (text, query) => {
  expect(queryAt(text, text.length)).toEqual(query);
  expect(queryAt(`${text} and more`, text.length)).toEqual(query);
});

test("people are found by any word of their name, however they write it", () => {
  const names = (text: string) => findPeople(people, text, 8).map(({ name }) => name);
  expect(names("an")).toEqual(["Ana", "Ana Contarini", "Zoë Ánder"]);
  expect(names("zoe")).toEqual(["Zoë Ánder"]);
  expect(names("")).toHaveLength(4);
  expect(names("x")).toEqual([]);
});
