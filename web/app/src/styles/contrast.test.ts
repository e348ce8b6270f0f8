import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

// Reads the colours as they are written, resolves every intent by day and by night, and measures what stands on what.

const [tokens, intents] = ["tokens.css", "intents.css"].map((name) =>
  readFileSync(new URL(name, import.meta.url), "utf8"),
);
const declarations = (css: string) =>
  [...css.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value] as const);
const [usual = "", more = ""] = (intents ?? "").split(':root[data-contrast="more"]');
const declared = {
  usual: new Map(declarations(`${tokens}\n${usual}`)),
  more: new Map(declarations(`${tokens}\n${usual}\n${more}`)),
};

type Contrast = keyof typeof declared;

function colour(name: string, theme: "light" | "dark", level: Contrast): string {
  const value = declared[level].get(name);
  if (value === undefined) {
    throw new Error(`no --${name}`);
  }
  const pair = value.match(/^light-dark\(var\(--([\w-]+)\), var\(--([\w-]+)\)\)$/);
  const token = pair?.[theme === "light" ? 1 : 2];
  return token === undefined ? value : colour(token, theme, level);
}

/** Relative luminance and contrast: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const grounds = [
  "ground",
  "ground-side",
  "ground-raised",
  "ground-hover",
  "ground-side-hover",
  "ground-selected",
  "ground-field",
];
const texts = [
  ...["text", "text-quiet"].flatMap((text) => grounds.map((ground) => [text, ground])),
  ...["accent", "danger"].flatMap((text) =>
    ["ground", "ground-raised", "ground-hover"].map((ground) => [text, ground]),
  ),
  ["text", "accent-ground"],
  ["text", "ground-code"],
  ["text-quiet", "ground-code"],
  ["text", "warning-ground"],
  ["text-quiet", "warning-ground"],
  ["accent", "warning-ground"],
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["danger", "danger-ground"],
  ["warning", "warning-ground"],
] as [string, string][];

const themes: [theme: "light" | "dark", level: Contrast][] = [
  ["light", "usual"],
  ["dark", "usual"],
  ["light", "more"],
  ["dark", "more"],
];

describe.each(themes)("in the %s theme with %s contrast", (theme, level) => {
  test.each(texts)("%s on %s can be read", (text, ground) => {
    const least = level === "more" && text !== "on-accent" ? 7 : 4.5;
    expect(contrast(colour(text, theme, level), colour(ground, theme, level))).toBeGreaterThanOrEqual(least);
  });

  test.each([
    ["line-strong", "ground"],
    ["line-strong", "ground-raised"],
    ["accent", "ground"],
    ["accent", "ground-side"],
    ["present", "ground-side"],
  ])("%s on %s can be made out", (shape, ground) => {
    expect(contrast(colour(shape, theme, level), colour(ground, theme, level))).toBeGreaterThanOrEqual(3);
  });
});
