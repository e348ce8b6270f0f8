import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, "utf8");

const sources = readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => read(`src/${path}`))
  .join("\n");

/** The names that a module exports, in whatever form. */
function exportsOf(module: string): string[] {
  const lists = [...module.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => (list ?? "").split(","));
  const direct = [...module.matchAll(/^export (?:interface|type|class|function|const) (\w+)/gm)].map(
    ([, name]) => name,
  );
  return [...lists, ...direct].map((name) => name?.replace("type ", "").trim() ?? "").filter((name) => name !== "");
}

describe("every public name says what it is", () => {
  const names = [...exportsOf(read("src/index.ts")), ...exportsOf(read("src/react.ts"))];

  test("and there are some", () => {
    expect(names).toEqual(expect.arrayContaining(["ChatClient", "Room", "useRoom", "dataType", "StoredMessage"]));
  });

  test.each(names)("%s", (name) => {
    const declaration = new RegExp(`\\*/\\nexport (?:interface|type|class|function|const) ${name}\\b`);
    expect(declaration.test(sources), `no doc comment before the declaration of ${name}`).toBe(true);
  });
});

// What the page shows is what is compiled, and run by e2e/examples.test.ts.
test.each(readdirSync(`${root}/examples`))("the README shows examples/%s", (name) => {
  expect(read("README.md")).toContain(read(`examples/${name}`).trim());
});
