import { expect, test } from "vitest";
import { directionOf } from "./direction.js";

test.each([
  ["en-GB", "ltr"],
  ["de", "ltr"],
  ["he-IL", "rtl"],
  ["ar", "rtl"],
  ["fa-IR", "rtl"],
  ["", "ltr"],
])("%j is read %s", (language, direction) => {
  expect(directionOf(language)).toBe(direction);
});
