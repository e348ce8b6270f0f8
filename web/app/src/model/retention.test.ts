import { expect, test } from "vitest";
import { type Keeping, keepingNames, keepingOf, retentionOf } from "./retention.js";

test("each choice is a retention, and is recognised by it", () => {
  for (const keeping of Object.keys(keepingNames).filter((name) => name !== "other") as Keeping[]) {
    expect(keepingOf(retentionOf(keeping, null))).toBe(keeping);
  }
});

test("what a program has set stays", () => {
  for (const retention of [{ maxMessages: 5000 }, { maxAgeMs: 3_600_000 }]) {
    expect(keepingOf(retention)).toBe("other");
    expect(retentionOf("other", retention)).toBe(retention);
  }
});
