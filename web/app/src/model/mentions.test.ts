import { expect, test } from "vitest";
import { mentionsIn } from "./mentions.js";
import { mentionsAfter } from "./mentions-after.js";

const user = (id: string, name: string) => ({ id, name });
const people = [user("1", "Ana"), user("2", "Ana Contarini"), user("4", "bo"), user("5", "あな"), user("6", "민수")];

test("a text is about those whose names stand in it, each once", () => {
  expect(mentionsIn("@Ana Contarini and @bo, @bo!", people, new Map())).toEqual(["2", "4"]);
  expect(mentionsIn("Ana, bo", people, new Map())).toEqual([]);
  const two = [user("5", "Cy"), user("6", "Cy")];
  expect(mentionsIn("@Cy", two, new Map([["Cy", "5"]]))).toEqual(["5"]);
});

test.each([
  ["@Anna", []],
  ["@Anas book", []],
  ["@Ana2", []],
  ["@Ana\u0301", []],
  ["ask x@Ana", []],
  ["𝒳@Ana", []],
  ["post@bo.example", []],
  ["@Ana's, (@bo) **@bo**", ["1", "4"]],
  ["@Ana Contarinis", ["1"]],
  ["@あなさん、今日は@Anaさん", ["5", "1"]],
  ["@민수님, @Ana는", ["6", "1"]],
])("a name in %j is a word of its own", (text, ids) => {
  expect(mentionsIn(text, people, new Map())).toEqual(ids);
});

test("a change of a text keeps whom it is about", () => {
  const after = (from: string, to: string, ...old: [userId: string, name?: string][]) =>
    mentionsAfter(
      { from, to },
      people,
      old.map(([userId, name]) => ({ userId, name })),
    );
  // Of two with one name, the one who was meant; also while they are away.
  expect(after("@Ana frist", "@Ana first", ["9", "Ana"])).toEqual(["9"]);
  expect(after("@Zoe frist", "@Zoe first", ["8", "Zoe"])).toEqual(["8"]);
  // Somebody else came who has the name.
  expect(after("@Ana frist", "@Ana first")).toEqual([]);
  // Nobody knows here what they were called.
  expect(after("@Zoe frist", "@Zoe first", ["8"])).toEqual(["8"]);
  expect(after("@Zoe frist", "@Zoe first", ["8", "Zora"])).toEqual(["8"]);
  expect(after("@Zoe frist", "first", ["8"])).toEqual([]);

  expect(after("@Ana and @bo", "@bo", ["1", "Ana"], ["4", "bo"])).toEqual(["4"]);
  expect(after("@Ana", "@Ana and @bo", ["1", "Ana"])).toEqual(["1", "4"]);
});
