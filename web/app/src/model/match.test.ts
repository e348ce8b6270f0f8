import { expect, test } from "vitest";
import { matchRank } from "./match.js";

test.each([
  ["Release 42", "rel", 0],
  ["Release 42", "42", 1],
  ["Release 42", "lease", 2],
  ["Release 42", "r42", 3],
  ["Après Ski", "apres", 0],
  ["Release 42", "", 0],
  ["Release 42", "24", undefined],
])("%s for %j: %s", (name, typed, rank) => {
  expect(matchRank(name, typed)).toBe(rank);
});
