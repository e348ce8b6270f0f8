import { describe, expect, test } from "vitest";
import { linkify } from "./links.js";

const hrefs = (text: string) => linkify(text).flatMap((piece) => piece.href ?? []);

describe("linkify", () => {
  test.each([
    ["see https://example.org/a", ["https://example.org/a"]],
    ["HTTP://EXAMPLE.org", ["http://example.org/"]],
    ["https://example.org/a.", ["https://example.org/a"]],
    ["(https://example.org/a_(b)), then", ["https://example.org/a_(b)"]],
    ["[https://example.org/?q=1&r=[2]]", ["https://example.org/?q=1&r=[2]"]],
    ["https://example.org?!", ["https://example.org/"]],
    ["a https://one.example b http://two.example:8080/x#y c", ["https://one.example/", "http://two.example:8080/x#y"]],
    ['<a href="https://example.org">', ["https://example.org/"]],
    ["https://bücher.example/ü", ["https://xn--bcher-kva.example/%C3%BC"]],
  ])("finds the addresses in %j", (text, expected) => {
    expect(hrefs(text)).toEqual(expected);
  });

  test.each([
    "javascript:alert(1)",
    "JavaScript://example.org/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://example.org",
    "https://",
    "https://bank.example@evil.example/",
    "https://user:password@example.org/",
    "xhttps://example.org",
    "example.org",
  ])("makes no link of %j", (text) => {
    expect(hrefs(text)).toEqual([]);
  });

  test("a direction mark ends an address: what is shown is where it goes", () => {
    expect(linkify("https://example.org/\u202egpj.exe")).toEqual([
      { text: "https://example.org/", href: "https://example.org/" },
      { text: "\u202egpj.exe" },
    ]);
  });

  test("the pieces joined are the text, whatever it is", () => {
    const parts = [
      "https://",
      "http://a.example",
      "<b>",
      " ",
      "\n",
      ")",
      "(",
      ".",
      "@",
      "\u202e",
      "é",
      "😀",
      "x".repeat(50),
    ];
    let state = 1;
    const next = () => {
      state = (state * 48271) % 2147483647;
      return state;
    };
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: next() % 12 }, () => parts[next() % parts.length]).join("");
      expect(
        linkify(text)
          .map((piece) => piece.text)
          .join(""),
      ).toBe(text);
      expect(hrefs(text).every((href) => /^https?:\/\/[^@/]+\//.test(href))).toBe(true);
    }
  });

  test("takes linear time on text made to slow it down", () => {
    const started = performance.now();
    linkify(`https://${"a.".repeat(8000)}`);
    linkify(`https://x/${")".repeat(16000)}`);
    linkify("http://".repeat(2300));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
