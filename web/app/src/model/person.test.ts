import { describe, expect, test } from "vitest";
import { hue, initials, nameList } from "./person.js";

test.each([
  ["Ana", "A"],
  ["ana maria lopez", "AL"],
  ["jean-luc", "JL"],
  ["Ólöf", "Ó"],
  ["李 雷", "李雷"],
  ["😀 Bo", "B"],
  ["<script>", "S"],
  ["...", "?"],
  ["", "?"],
])("initials of %j are %j", (name, expected) => {
  expect(initials(name)).toBe(expected);
});

test("a user's hue depends on the id alone and spreads over the circle", () => {
  const hues = Array.from({ length: 600 }, (_, i) => hue(`guest-${i}`));
  expect(hue("guest-1")).toBe(hues[1]);
  expect(hues.every((h) => Number.isInteger(h) && h >= 0 && h < 360)).toBe(true);
  const sectors = new Set(hues.map((h) => Math.floor(h / 30)));
  expect(sectors.size).toBe(12);
});

describe("nameList", () => {
  test.each([
    [["Ana"], "Ana"],
    [["Ana", "Bo"], "Ana and Bo"],
    [["Ana", "Bo", "Cy"], "Ana, Bo, and Cy"],
    [["Ana", "Bo", "Cy", "Di"], "several people"],
  ])("%j is %j", (names, expected) => {
    expect(nameList(names)).toBe(expected);
  });
});
