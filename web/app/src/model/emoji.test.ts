import { expect, test } from "vitest";
import { emojiGroups, findEmojis } from "./emoji.js";

const all = emojiGroups.flatMap((group) => group.emojis);

test("each line is one emoji and its words, and none is there twice", () => {
  const segmenter = new Intl.Segmenter();
  for (const { emoji, words } of all) {
    expect([...segmenter.segment(emoji)].length, emoji).toBe(1);
    expect(emoji).toMatch(/\p{Extended_Pictographic}/u);
    expect(words).toMatch(/^[a-z]+( [a-z]+)*$/);
  }
  expect(new Set(all.map(({ emoji }) => emoji)).size).toBe(all.length);
});

test("finds by the beginning of any word, by name first", () => {
  expect(findEmojis("tada", 5).map(({ emoji }) => emoji)).toEqual(["🎉"]);
  expect(findEmojis("heart", 9).map(({ emoji }) => emoji)).toEqual(["😍", "❤️", "🧡", "💚", "💙", "💔"]);
  expect(findEmojis("zebra", 5)).toEqual([]);
  expect(findEmojis("", 3)).toHaveLength(3);
});
