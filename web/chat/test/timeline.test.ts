import { describe, expect, test } from "vitest";
import { maxApart, Timeline } from "../src/timeline.js";
import type { ChatMessage } from "../src/types.js";
import { below, seededRandom, shuffled } from "./random.js";

function form(seq: number, rev: number, text = `${seq}@${rev}`): ChatMessage {
  const sender = { id: "guest-bo", name: "Bo", guest: true };
  return {
    seq,
    rev,
    sender,
    createTime: new Date(seq),
    deleted: false,
    clientId: "",
    text,
    reactions: [],
    mentions: [],
  };
}

/** What a server holds: every change in order, and what the room looked like after each. */
function randomRoom(random: () => number, changes: number): { events: ChatMessage[]; at(rev: number): ChatMessage[] } {
  const events: ChatMessage[] = [];
  let head = 0;
  for (let rev = 1; rev <= changes; rev++) {
    const edits = head > 0 && random() < 0.4;
    events.push(form(edits ? 1 + below(random, head) : ++head, rev));
  }
  return {
    events,
    at: (rev) => {
      const newest = new Map(events.slice(0, rev).map((message) => [message.seq, message]));
      return [...newest.values()].sort((a, b) => a.seq - b.seq);
    },
  };
}

describe("a timeline", () => {
  test("ends as the room, however pages, calls and live events interleave", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const room = randomRoom(random, 1 + below(random, 60));
      const total = room.events.length;
      const start = 1 + below(random, total);
      const timeline = new Timeline();
      const whole = room.at(start);
      const newest = whole.slice(-1 - below(random, whole.length));
      timeline.reset(newest, { seq: whole.length, rev: start }, true);

      let live = start;
      // A page is read at some moment and arrives at a later one.
      const pagesUnderWay: { messages: ChatMessage[]; readAt: number }[] = [];
      let trims = below(random, 5);
      while (live < total || timeline.firstSeq > 1) {
        const action = random();
        if (action < 0.4 && live < total) {
          const event = room.events[live++];
          if (event) {
            timeline.merge(event);
          }
        } else if (action < 0.6 && timeline.firstSeq > 1) {
          const older = room.at(live).filter(({ seq }) => seq < timeline.firstSeq);
          pagesUnderWay.push({ messages: older.slice(-1 - below(random, 5)), readAt: live });
        } else if (action < 0.8) {
          const [page] = pagesUnderWay.splice(below(random, pagesUnderWay.length), 1);
          timeline.prepend(page?.messages ?? [], page?.readAt ?? 0);
        } else if (action < 0.85 && trims > 0) {
          trims--;
          timeline.trim(below(random, timeline.length + 1));
        } else {
          // The answer to a call: a message in the form it had at any moment, seen again.
          const known = room.at(1 + below(random, live));
          timeline.merge(known[below(random, known.length)] ?? form(1, 0));
        }
      }
      expect(timeline.messages, `seed ${seed}`).toEqual(room.at(total));
    }
  });

  test("does not depend on the order in which forms of messages arrive", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const room = randomRoom(random, 40);
      const timeline = new Timeline();
      for (const event of shuffled(random, [...room.events, ...room.events])) {
        timeline.merge(event);
      }
      expect(timeline.messages, `seed ${seed}`).toEqual(room.at(40));
    }
  });

  test("keeps an edit of a message that is not loaded, for the page that was read before it", () => {
    const timeline = new Timeline();
    timeline.reset([form(3, 3)], { seq: 3, rev: 3 }, true);
    timeline.merge(form(2, 4, "edited"));
    expect(timeline.messages).toHaveLength(1);
    expect(timeline.prepend([form(1, 1), form(2, 2, "old")], 3)).toBe(true);
    expect(timeline.messages.map(({ text }) => text)).toEqual(["1@1", "edited", "3@3"]);
  });

  test("refuses a page that does not end where it begins", () => {
    const timeline = new Timeline();
    timeline.reset([form(9, 9)], { seq: 9, rev: 9 }, true);
    expect(timeline.prepend([form(5, 5), form(6, 6)], 9)).toBe(false);
    expect(timeline.prepend([], 9)).toBe(false);
    expect(timeline.messages).toEqual([form(9, 9)]);
  });

  test("refuses a page that was read before something was let go, which it may hold in an older form", () => {
    const timeline = new Timeline();
    timeline.reset([form(2, 2), form(3, 3)], { seq: 3, rev: 3 }, true);
    timeline.merge(form(2, 4, "edited"));
    expect(timeline.trim(1)).toBe(true);
    expect(timeline.messages).toEqual([form(3, 3)]);
    expect(timeline.pageRev).toBe(4);
    expect(timeline.prepend([form(2, 2)], 3)).toBe(false);
    expect(timeline.prepend([form(2, 4, "edited")], 4)).toBe(true);
    expect(timeline.trim(2)).toBe(false);

    // A reset lets everything go.
    timeline.reset([form(3, 3)], { seq: 3, rev: 5 }, false);
    expect(timeline.prepend([form(2, 4, "edited")], 4)).toBe(false);
  });

  test("holds a bounded number of messages that are not loaded, and no page from before those it let go", () => {
    const timeline = new Timeline();
    const seq = 2 * maxApart;
    timeline.reset([form(seq, seq)], { seq, rev: seq }, true);
    for (let i = 1; i < seq; i++) {
      timeline.merge(form(i, seq + i, "edited"));
    }
    const older = Array.from({ length: seq - 1 }, (_, i) => form(i + 1, i + 1, "old"));
    expect(timeline.pageRev).toBe(seq + maxApart - 1);
    expect(timeline.prepend(older, timeline.pageRev - 1)).toBe(false);
    expect(timeline.prepend(older.slice(-1), timeline.pageRev)).toBe(true);
    expect(timeline.messages[0]?.text).toBe("edited");
  });

  test("shows what came behind a gap as soon as the messages in the gap have left the room", () => {
    const timeline = new Timeline();
    const forms = (first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, i) => form(first + i, first + i));
    timeline.reset(forms(4951, 5000), { seq: 5000, rev: 5000 }, true);
    // Replayed events of what has gone bring nothing.
    for (const message of forms(5101, 5450)) {
      timeline.merge(message);
    }
    const before = timeline.messages;
    timeline.dropBelow(5101, 5451);
    expect(timeline.messages).toEqual(forms(5101, 5450));
    expect(before).toEqual(forms(4951, 5000));
    timeline.merge(form(5451, 5452));
    expect([timeline.firstSeq, timeline.lastSeq]).toEqual([5101, 5451]);
  });

  test("begins behind the head when the page is empty", () => {
    const timeline = new Timeline();
    timeline.reset([], { seq: 7, rev: 8 }, true);
    expect(timeline.firstSeq).toBe(8);
    timeline.merge(form(8, 9));
    expect(timeline.messages).toEqual([form(8, 9)]);
  });

  test("hands out arrays that never change, and new ones only for changes", () => {
    const timeline = new Timeline();
    timeline.reset([form(1, 1)], { seq: 1, rev: 1 }, true);
    const before = timeline.messages;
    timeline.merge(form(1, 1, "the same rev"));
    expect(timeline.messages).toBe(before);
    timeline.merge(form(2, 2));
    expect(before).toEqual([form(1, 1)]);
    expect(timeline.messages[0]).toBe(before[0]);
  });

  test("keeps the identity of unchanged messages over a reset of the same epoch, and of none over another's", () => {
    const timeline = new Timeline();
    timeline.reset([form(1, 1), form(2, 2)], { seq: 2, rev: 2 }, true);
    const [one, two] = timeline.messages;
    timeline.reset([form(1, 3), form(2, 2)], { seq: 2, rev: 3 }, false);
    expect(timeline.messages[0]).not.toBe(one);
    expect(timeline.messages[1]).toBe(two);
    timeline.reset([form(1, 3, "another"), form(2, 2)], { seq: 2, rev: 3 }, true);
    expect(timeline.messages.map(({ text }) => text)).toEqual(["another", "2@2"]);
    expect(timeline.messages[1]).not.toBe(two);
  });
});
