import type { Member, Role } from "@rialto/chat";
import { expect, test } from "vitest";
import { mayModerate, whyNoPosting } from "./rights.js";

const me = (role: Role, muted = false): Member => ({ user: { id: "1", name: "Ana", guest: true }, role, muted });
const open = { kind: "public", posting: "visitor", archived: false } as const;

test("who may post is told, and why not", () => {
  expect(whyNoPosting(open)).toBeUndefined();
  expect(whyNoPosting({ ...open, posting: "member" })).toBe("Only members and above post in this room.");
  expect(whyNoPosting({ ...open, posting: "member", me: me("member") })).toBeUndefined();
  expect(whyNoPosting({ ...open, posting: "owner", me: me("moderator") })).toBe("Only owners post in this room.");
  expect(whyNoPosting({ ...open, me: me("member", true) })).toContain("muted");
  expect(whyNoPosting({ ...open, archived: true, me: me("owner") })).toContain("archived");
});

test("moderators act on those below them, and nobody on their equals", () => {
  expect(mayModerate("moderator", "member")).toBe(true);
  expect(mayModerate("owner", "moderator")).toBe(true);
  expect(mayModerate("moderator", "moderator")).toBe(false);
  expect(mayModerate("member", "visitor")).toBe(false);
});
