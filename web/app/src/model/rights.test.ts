import type { Member, Role } from "@rialto/chat";
import { expect, test } from "vitest";
import { mayModerate, slowModeNote, whyNoPosting } from "./rights.js";

const me = (role: Role, muted = false): Member => ({ user: { id: "1", name: "Ana", guest: true }, role, muted });
const open = { kind: "public", posting: "visitor", archived: false } as const;

test("who may post is told, and why not", () => {
  expect(whyNoPosting(open)).toBeUndefined();
  expect(whyNoPosting({ ...open, posting: "member" })).toBe("Only members and above post in this room.");
  expect(whyNoPosting({ ...open, posting: "member", me: me("member") })).toBeUndefined();
  expect(whyNoPosting({ ...open, posting: "owner", me: me("moderator") })).toBe("Only owners post in this room.");
  expect(whyNoPosting({ ...open, me: me("member", true) })).toContain("muted");
  const mutedFor = { ...me("member", true), muteEnd: new Date(60_000) };
  expect(whyNoPosting({ ...open, me: mutedFor }, 59_999)).toContain("muted");
  expect(whyNoPosting({ ...open, me: mutedFor }, 60_000)).toBeUndefined();
  expect(whyNoPosting({ ...open, archived: true, me: me("owner") })).toContain("archived");
});

test("how often one may post is told to those whom it concerns", () => {
  expect(slowModeNote({ slowModeMs: 0 })).toBeUndefined();
  expect(slowModeNote({ slowModeMs: 30_000 })).toBe("Slow mode: one message every 30 s.");
  expect(slowModeNote({ slowModeMs: 300_000, me: me("member") })).toBe("Slow mode: one message every 5 min.");
  expect(slowModeNote({ slowModeMs: 3_600_000 })).toBe("Slow mode: one message every hour.");
  expect(slowModeNote({ slowModeMs: 7_200_000 })).toBe("Slow mode: one message every 2 hours.");
  expect(slowModeNote({ slowModeMs: 5400_000 })).toBe("Slow mode: one message every 90 min.");
  expect(slowModeNote({ slowModeMs: 30_000, me: me("moderator") })).toBeUndefined();
});

test("moderators act on those below them, and nobody on their equals", () => {
  expect(mayModerate("moderator", "member")).toBe(true);
  expect(mayModerate("owner", "moderator")).toBe(true);
  expect(mayModerate("moderator", "moderator")).toBe(false);
  expect(mayModerate("member", "visitor")).toBe(false);
});
