import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { PersonEmoji } from "./PersonEmoji.js";

test.each([["🚀"], ["👩‍🚀"], ["🇮🇹"]])("%s is shown", (emoji) => {
  expect(renderToStaticMarkup(<PersonEmoji emoji={emoji} />)).toBe(`<span class="person-emoji">${emoji}</span>`);
});

test.each([[undefined], [""], ["moderator"], ["🚀owner"], ["1"]])("%s is not", (emoji) => {
  expect(renderToStaticMarkup(<PersonEmoji emoji={emoji} />)).toBe("");
});
