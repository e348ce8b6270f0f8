import { describe, expect, test } from "vitest";
import { type Block, type Inline, isJumbo, parseMarkdown, plainText } from "./markdown.js";

/** A tree in short: [strong one], {code}, <link>, (mention). */
function outline(parts: readonly Inline[]): string {
  return parts
    .map((part) => {
      switch (part.kind) {
        case "text":
          return part.text;
        case "code":
          return `{${part.text}}`;
        case "link":
          return `<${part.text}>`;
        case "mention":
          return `(${part.text} ${part.userId})`;
        default:
          return `[${part.kind} ${outline(part.parts)}]`;
      }
    })
    .join("");
}

const blocks = (text: string) =>
  parseMarkdown(text).map((block) =>
    block.kind === "code" ? `code ${block.language}: ${block.text}` : `${block.kind}: ${outline(block.parts)}`,
  );

const inline = (
  text: string,
  mentions = [
    { userId: "1", name: "Ana" },
    { userId: "2", name: "Ana Contarini" },
  ],
) =>
  parseMarkdown(text, mentions)
    .map((block) => (block.kind === "code" ? "code" : outline(block.parts)))
    .join("|");

test.each([
  [
    "**bold** and *italic* and _italic_ and ~~gone~~",
    "[strong bold] and [em italic] and [em italic] and [strike gone]",
  ],
  ["**bold *and italic***", "[strong bold [em and italic]]"],
  ["***both***", "[strong [em both]]"],
  ["snake_case_name and 2*3*4 and a ** b", "snake_case_name and 2*3*4 and a ** b"],
  ["* a list\n* of things", "* a list\n* of things"],
  ["**not closed, *nor this", "**not closed, *nor this"],
  ["*a **b* c**", "[em a **b] c**"],
  ["`**code**` and ``a ` b``", "{**code**} and {a ` b}"],
  ["`not closed", "`not closed"],
  ["**see https://example.org/a_b_c**", "[strong see <https://example.org/a_b_c>]"],
  ["`https://example.org`", "{https://example.org}"],
  ["**`x`**", "[strong {x}]"],
  ["hello @Ana Contarini and @Ana!", "hello (@Ana Contarini 2) and (@Ana 1)!"],
  ["`@Ana` ana@Anabel", "{@Ana} ana@Anabel"],
  ["<b>no</b> &amp; [x](javascript:alert(1))", "<b>no</b> &amp; [x](javascript:alert(1))"],
])("%s", (text, expected) => {
  expect(inline(text)).toBe(expected);
});

test.each([
  ["a\n\nb", ["lines: a\n\nb"]],
  ["look:\n```go\nfunc main() {\n\n}\n```\n\ndone", ["lines: look:", "code go: func main() {\n\n}", "lines: done"]],
  ["```\n**x**\n```", ["code : **x**"]],
  ["```\nnot closed", ["lines: ```\nnot closed"]],
  ["```js x\n```", ["lines: {js x\n}"]],
  ["> said *so*\n> twice\nno", ["quote: said [em so]\ntwice", "lines: no"]],
  ["  kept  \n", ["lines:   kept  \n"]],
])("%j", (text, expected) => {
  expect(blocks(text)).toEqual(expected);
});

test("a text in one line is what a reader sees of it", () => {
  expect(plainText("> so\n**look** at `it`:\n```js\nlet x;\n```")).toBe("so look at it: let x;");
});

/** What a reader sees, without what marks it. */
function shown(parts: readonly Inline[]): string {
  return parts.map((part) => ("parts" in part ? shown(part.parts) : part.text)).join("");
}

function depth(parts: readonly Inline[]): number {
  return 1 + Math.max(0, ...parts.map((part) => ("parts" in part ? depth(part.parts) : 0)));
}

describe("whatever is typed", () => {
  const bits = [
    "a",
    " ",
    "\n",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "`",
    "``",
    "```",
    "> ",
    "@Ana",
    "https://x.y",
    "\u202e",
    "é",
    "😀",
  ];
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };

  test("no word is lost or made up, and the tree is flat", () => {
    for (let i = 0; i < 3000; i++) {
      const text = Array.from({ length: random(40) }, () => bits[random(bits.length)]).join("");
      const read: Block[] = parseMarkdown(text, [{ userId: "1", name: "Ana" }]);
      const seen = read.map((b) => (b.kind === "code" ? `${b.language}\n${b.text}` : shown(b.parts))).join("\n");
      const words = (s: string) => s.replace(/[*_~`>\s]/g, "");
      expect(words(seen)).toBe(words(text));
      for (const block of read) {
        expect(block.kind === "code" ? 0 : depth(block.parts)).toBeLessThanOrEqual(6);
      }
    }
  });

  test.each(["*", "**a", "_a_", "`", "` `` ", "```\n", "> \n", "~~a~~", "@", "**_", "*a **b "])(
    "%j over and over is read at once",
    (bit) => {
      const text = bit.repeat(Math.floor(16_384 / bit.length));
      // What is quadratic or worse would not end in time.
      expect(parseMarkdown(text, [{ userId: "1", name: "Ana" }]).length).toBeGreaterThan(0);
    },
  );
});

test.each([
  ["👍", true],
  ["👩‍👩‍👧 🇩🇪", true],
  ["❤️❤️❤️❤️", true],
  ["👍👍👍👍👍", false],
  ["123", false],
  ["ok 👍", false],
  ["", false],
])("%j is jumbo: %s", (text, expected) => {
  expect(isJumbo(text)).toBe(expected);
});
