import { isMuted } from "@rialto/chat";
import { expect, test } from "vitest";

test("a mute for a time is over at its end, though the server says nothing of that", () => {
  const muteEnd = new Date(1000);
  expect(isMuted(undefined)).toBe(false);
  expect(isMuted({ muted: false })).toBe(false);
  expect(isMuted({ muted: true })).toBe(true);
  expect(isMuted({ muted: true, muteEnd }, 999)).toBe(true);
  expect(isMuted({ muted: true, muteEnd }, 1000)).toBe(false);
  expect(isMuted({ muted: true, muteEnd })).toBe(false);
});
