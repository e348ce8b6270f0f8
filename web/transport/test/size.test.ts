import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rollup } from "vite";
import { expect, test } from "vitest";

/** Bundles the transport as an application would, without the packages that `external` names; returns its length in gzip. */
async function bundledBytes(external: RegExp[]): Promise<number> {
  const { output } = (await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: fileURLToPath(new URL("../src/index.ts", import.meta.url)),
        preserveEntrySignatures: "strict",
        external,
      },
    },
  })) as Rollup.RollupOutput;
  expect(output).toHaveLength(1);
  return gzipSync(output[0].code, { level: 9 }).length;
}

// Most of the whole is the protobuf runtime, which a page's generated code needs anyway.
test.each([
  ["with all it imports", [], 30],
  ["beside a Connect client", [/^@connectrpc\//, /^@bufbuild\//], 12],
])("the transport is small %s", { timeout: 30_000 }, async (name, external, limitKiB) => {
  const kib = (await bundledBytes(external)) / 1024;
  process.stdout.write(`@rialto/transport ${name}: ${kib.toFixed(1)} KiB gzipped, limit ${limitKiB}\n`);
  expect(kib).toBeLessThan(limitKiB);
  expect(kib).toBeGreaterThan(limitKiB / 3);
});
