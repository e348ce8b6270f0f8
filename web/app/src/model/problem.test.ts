import { ChatError } from "@rialto/chat";
import { expect, test } from "vitest";
import { problem, sentence } from "./problem.js";

test.each([
  [new ChatError("UNAVAILABLE", "dial tcp 10.0.0.1"), "The server cannot be reached just now."],
  [new ChatError("INTERNAL", "stack"), "The server made a mistake."],
  [new ChatError("PERMISSION_DENIED", "only owners may do that"), "Only owners may do that."],
  [new ChatError("INVALID_ARGUMENT", "no room"), "No room."],
  [
    new ChatError("INVALID_ARGUMENT", "invalid publish", {
      violations: [{ field: "publish.text", description: "must not contain control characters" }],
    }),
    "The text must not contain control characters.",
  ],
  [
    new ChatError("INVALID_ARGUMENT", "invalid", { violations: [{ field: "client_id", description: "Is too long." }] }),
    "The client id is too long.",
  ],
  [new TypeError("x is undefined"), "Something went wrong in this page."],
  ["thrown", "Something went wrong in this page."],
])("%s reads %j", (error, expected) => {
  expect(problem(error)).toBe(expected);
});

test("a phrase becomes a sentence", () => {
  expect(sentence("it broke")).toBe("It broke.");
  expect(sentence("Did it?")).toBe("Did it?");
});
