import type { ChatMessage, PendingMessage, User } from "@rialto/chat";
import { describe, expect, test } from "vitest";
import { rows } from "./grouping.js";

const ana: User = { id: "guest-ana", name: "Ana", guest: true };
const bo: User = { id: "guest-bo", name: "Bo", guest: true };
const noon = new Date(2026, 10, 23, 12, 0, 0).getTime();
const minute = 60_000;

function message(seq: number, sender: User, minutes: number, clientId = `c${seq}`): ChatMessage {
  const createTime = new Date(noon + minutes * minute);
  return { seq, rev: seq, sender, createTime, deleted: false, clientId, text: `m${seq}`, reactions: [], mentions: [] };
}

function pending(clientId: string, minutes: number): PendingMessage {
  return { clientId, text: clientId, status: "sending", time: new Date(noon + minutes * minute) };
}

/** Rows in short: a day, the line, or a message with a star where its author's name stands. */
function outline(...args: Parameters<typeof rows>): string[] {
  return rows(...args).map((row) => {
    switch (row.kind) {
      case "message":
        return `${row.message.seq}${row.first ? "*" : ""}`;
      case "pending":
        return `${row.message.clientId}${row.first ? "*" : ""}`;
      default:
        return row.kind;
    }
  });
}

describe("rows", () => {
  test("groups an author's messages within five minutes of the first", () => {
    const messages = [
      message(1, ana, 0),
      message(2, ana, 3),
      message(3, ana, 5),
      message(4, ana, 5.1),
      message(5, bo, 5.2),
    ];
    expect(outline({ messages, pending: [], me: ana })).toEqual(["day", "1*", "2", "3", "4*", "5*"]);
  });

  test("starts a group where somebody changed the name", () => {
    const messages = [message(1, ana, 0), message(2, { ...ana, name: "Anna" }, 1)];
    expect(outline({ messages, pending: [], me: ana })).toEqual(["day", "1*", "2*"]);
  });

  test("does not take two people of one name for one", () => {
    const messages = [message(1, ana, 0), message(2, { ...bo, name: "Ana" }, 1)];
    expect(outline({ messages, pending: [], me: ana })).toEqual(["day", "1*", "2*"]);
  });

  test("starts a group at a break", () => {
    const messages = [message(1, ana, 0), message(2, ana, 1), message(3, ana, 2)];
    expect(outline({ messages, pending: [], me: ana, breaks: new Set([2]) })).toEqual(["day", "1*", "2*", "3"]);
  });

  test("divides days, and starts a group on each", () => {
    const messages = [message(1, ana, 719), message(2, ana, 721)];
    expect(outline({ messages, pending: [], me: ana })).toEqual(["day", "1*", "day", "2*"]);
  });

  test("puts what is pending last, in the reader's own group", () => {
    const messages = [message(1, ana, 0)];
    expect(outline({ messages, pending: [pending("p", 1), pending("q", 9)], me: ana })).toEqual([
      "day",
      "1*",
      "p",
      "q*",
    ]);
    expect(outline({ messages, pending: [pending("p", 1)], me: bo })).toEqual(["day", "1*", "p*"]);
  });

  test("draws one line before the first message not read", () => {
    const messages = [message(7, ana, 0), message(8, ana, 1), message(9, ana, 2)];
    expect(outline({ messages, pending: [], me: bo, readSeq: 7 })).toEqual(["day", "7*", "unread", "8*", "9"]);
    expect(outline({ messages, pending: [], me: bo, readSeq: 9 })).toEqual(["day", "7*", "8", "9"]);
  });

  test("a message keeps its key when it is posted", () => {
    const before = rows({ messages: [], pending: [pending("p", 0)], me: ana });
    const after = rows({ messages: [message(1, ana, 0, "p")], pending: [], me: ana });
    expect(after.at(-1)?.key).toBe(before.at(-1)?.key);
  });

  test("keys are unique, also when two senders chose one client id, or none", () => {
    const messages = [message(1, ana, 0, "x"), message(2, bo, 1, "x"), message(3, ana, 2, ""), message(4, ana, 3, "")];
    const keys = rows({ messages, pending: [pending("x2", 4)], me: ana, readSeq: 1 }).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
