import { expect, test } from "vitest";
import { message } from "../../model/fake-chat.js";
import { rows as rowsOf } from "../../model/grouping.js";
import { keyForTab } from "./keyboard.js";

const messages = Array.from({ length: 100 }, (_, i) => message(i + 1, "x"));
const rows = rowsOf({ messages, pending: [], me: undefined, readSeq: undefined, breaks: new Set() });
const keyOf = (seq: number) => rows.find((row) => row.kind === "message" && row.message.seq === seq)?.key;

test("Tab reaches the newest message, or the one that had the focus, if that is drawn", () => {
  const end = { from: 60, to: rows.length };
  expect(keyForTab(rows, end, undefined)).toBe(keyOf(100));
  expect(keyForTab(rows, end, keyOf(90))).toBe(keyOf(90));
});

test("Tab reaches a message that is drawn, wherever one has scrolled to", () => {
  const drawn = rows.slice(10, 31).map(({ key }) => key);
  for (const focused of [undefined, keyOf(100), keyOf(1)]) {
    expect(keyForTab(rows, { from: 10, to: 31 }, focused)).toBe(drawn[10]);
  }
  expect(keyForTab([], { from: 0, to: 0 }, undefined)).toBeUndefined();
});
