import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

interface Axe {
  run(options: { readonly runOnly?: readonly string[] }): Promise<{ readonly violations: readonly Violation[] }>;
}

/** What axe-core finds wrong on what the page shows, in words. */
export async function faultsOn(page: Page, options: { readonly runOnly?: readonly string[] } = {}): Promise<string[]> {
  // As the debugger does, and not as a script of the page: its Content-Security-Policy would refuse that.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(
    (options) => (globalThis as unknown as { axe: Axe }).axe.run(options),
    options,
  );
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join("\n")}`);
}
