import { describe, expect, test } from "vitest";
import { ago, dayName, shortAgo } from "./times.js";

const now = new Date(2026, 10, 23, 12, 30, 0);
const before = (ms: number) => new Date(now.getTime() - ms);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe("ago", () => {
  test.each([
    [-hour, "now"],
    [59_999, "now"],
    [minute, "1 minute ago"],
    [59 * minute, "59 minutes ago"],
    [hour, "1 hour ago"],
    [12 * hour, "12 hours ago"],
    [13 * hour, "yesterday"],
    [3 * day, "3 days ago"],
    [21 * day, "3 weeks ago"],
    [100 * day, "3 months ago"],
  ])("%d ms is %s", (ms, expected) => {
    expect(ago(before(ms), now)).toBe(expected);
  });
});

describe("shortAgo", () => {
  test.each([
    [0, "now"],
    [5 * minute, "5 min"],
    [5 * hour, "5 h"],
  ])("%d ms is %s", (ms, expected) => {
    expect(shortAgo(before(ms), now)).toBe(expected);
  });

  test("is a date after a day", () => {
    expect(shortAgo(before(3 * day), now)).toMatch(/20/);
  });
});

describe("dayName", () => {
  test("goes by midnights, not by hours", () => {
    expect(dayName(new Date(2026, 10, 23, 0, 0, 1), now)).toBe("Today");
    expect(dayName(new Date(2026, 10, 22, 23, 59, 59), now)).toBe("Yesterday");
  });

  test("is not misled by the hour that summer time adds or takes", () => {
    const morning = new Date(2026, 9, 26, 0, 30);
    expect(dayName(new Date(2026, 9, 25, 0, 30), morning)).toBe("Yesterday");
    expect(dayName(new Date(2026, 9, 24, 23, 30), morning)).not.toBe("Yesterday");
  });

  test("has the year only if it is another", () => {
    expect(dayName(new Date(2026, 0, 2), now)).not.toMatch(/2026/);
    expect(dayName(new Date(2025, 0, 2), now)).toMatch(/2025/);
  });
});
