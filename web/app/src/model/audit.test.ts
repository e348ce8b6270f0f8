import type { AuditAction, AuditEntry } from "@rialto/chat";
import { expect, test } from "vitest";
import { auditWords } from "./audit.js";

const entry = (action: AuditAction, more: Partial<AuditEntry> = {}): AuditEntry => ({
  action,
  actor: { id: "a", name: "Ana", guest: false },
  time: new Date(0),
  text: "",
  ...more,
});

test("what was done is said in words, between who did it and to whom", () => {
  expect(auditWords(entry("banned", { userId: "b" }))).toBe("banned");
  expect(auditWords(entry("role-changed", { userId: "b", role: "owner" }))).toBe("gave the role of owner to");
  expect(auditWords(entry("message-deleted", { seq: 12, userId: "b" }))).toBe("deleted message 12 of");
  expect(auditWords(entry("message-deleted", { seq: 12 }))).toBe("deleted message 12");
  expect(auditWords(entry("other"))).toBe("did something that this version does not know");
});
