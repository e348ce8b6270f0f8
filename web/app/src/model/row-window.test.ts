import { describe, expect, test } from "vitest";
import { maxRows, rowAt, rowWindow, sum } from "./row-window.js";

const rows = (count: number, height: number) => Array.from({ length: count }, () => height);

describe("rowWindow", () => {
  test("holds what is in sight and as much as asked for around it", () => {
    expect(rowWindow(rows(1000, 50), 500, 800, 400)).toEqual({ from: 492, to: 524, before: 24_600, after: 23_800 });
  });

  test("at the end reaches up far enough to fill the view", () => {
    const { from, to, after } = rowWindow(rows(1000, 50), 999, 800, 400);
    expect({ to, after }).toEqual({ to: 1000, after: 0 });
    expect((to - from) * 50).toBeGreaterThanOrEqual(800 + 2 * 400);
  });

  test("leaves out nothing before it that is hardly worth it", () => {
    expect(rowWindow(rows(1000, 50), 15, 800, 400).from).toBe(0);
    expect(rowWindow(rows(1000, 50), 20, 800, 400).from).toBe(12);
  });

  test("holds all of a short list, and nothing of an empty one", () => {
    expect(rowWindow(rows(3, 50), 1, 800, 400)).toEqual({ from: 0, to: 3, before: 0, after: 0 });
    expect(rowWindow([], 0, 800, 400)).toEqual({ from: 0, to: 0, before: 0, after: 0 });
  });

  test.each([0, 1, 24, 3000])(
    "never holds too many rows, at %d pixels each, and always the one asked for",
    (height) => {
      for (const at of [0, 1, 5000, 9998, 9999]) {
        const { from, to, before, after } = rowWindow(rows(10_000, height), at, 4000, 4000);
        expect(to - from).toBeLessThanOrEqual(maxRows);
        expect(from <= at && at < to).toBe(true);
        expect(before + after + (to - from) * height).toBe(10_000 * height);
      }
    },
  );
});

test("rowAt finds the row under an offset, also beyond either end", () => {
  const heights = [10, 20, 30];
  expect([-5, 0, 9, 10, 29, 30, 59, 60, 1e9].map((offset) => rowAt(heights, offset))).toEqual([
    0, 0, 0, 1, 1, 2, 2, 2, 2,
  ]);
  expect(rowAt([], 10)).toBe(0);
  expect(sum(heights, 1, 3)).toBe(50);
});
