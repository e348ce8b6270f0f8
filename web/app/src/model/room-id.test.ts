import { roomIdPattern } from "@rialto/chat";
import { describe, expect, test } from "vitest";
import { roomIdProblem, slug } from "./room-id.js";

describe("slug", () => {
  test.each([
    ["Lobby", "lobby"],
    ["Café – Après Ski!", "cafe-apres-ski"],
    ["  v1.2_final  ", "v1.2_final"],
    ["...dots", "dots"],
    ["日本", ""],
    ["", ""],
    ["a".repeat(80), "a".repeat(64)],
    [`${"a".repeat(63)} b`, "a".repeat(63)],
  ])("of %j is %j", (title, expected) => {
    expect(slug(title)).toBe(expected);
  });

  test("is an id or empty", () => {
    for (const title of ["--x--", "Ünï çödé", "a//b", "ﬁne", "İstanbul", "\u202eabc", "x ".repeat(99)]) {
      const id = slug(title);
      expect(id === "" || roomIdPattern.test(id), `${title} -> ${id}`).toBe(true);
    }
  });
});

describe("roomIdProblem", () => {
  test.each(["lobby", "a", "0", "release-1.2_x", "a".repeat(64)])("finds nothing wrong with %j", (id) => {
    expect(roomIdProblem(id)).toBeUndefined();
  });

  test.each([
    ["", "A room needs an id."],
    ["a".repeat(65), "An id has at most 64 characters; this one has 65."],
    ["Lobby", "Lower case only, please."],
    ["my room", "An id has no spaces."],
    ["a/b", "An id cannot contain “/”."],
    ["a😀", "An id cannot contain “😀”."],
    ["-a", "An id starts with a letter or a digit."],
  ])("says what is wrong with %j", (id, expected) => {
    expect(roomIdProblem(id)).toBe(expected);
  });
});
