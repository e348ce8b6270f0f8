import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const module = "connectrpc.com/conformance";

function go(...args: readonly string[]): string {
  return execFileSync("go", args, { cwd: repository, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** What connectconformance said in the end. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly report: string;
}

/**
 * The programs of connectrpc.com/conformance, pinned in tools/conformance.mod, the descriptors of its protos, and the client
 * under test, in a directory of their own.
 */
export class ConformanceSuite {
  private readonly directory = mkdtempSync(join(tmpdir(), "rialto-conformance-"));
  private readonly runner = join(this.directory, "connectconformance");
  private readonly front = join(this.directory, "bridgefront");
  private readonly descriptors = join(this.directory, "conformance.binpb");

  private constructor() {
    const pin = "-modfile=tools/conformance.mod";
    go("build", pin, "-o", this.runner, `${module}/cmd/connectconformance`);
    go("build", "-o", this.front, "./internal/e2e/bridgefront");
    const { Dir } = JSON.parse(go("list", pin, "-m", "-json", module));
    go("tool", "-modfile=tools/buf.mod", "buf", "build", join(Dir, "proto"), "-o", this.descriptors);
  }

  static async prepare(): Promise<ConformanceSuite> {
    const suite = new ConformanceSuite();
    await build({
      configFile: false,
      logLevel: "warn",
      ssr: { noExternal: true },
      build: {
        ssr: fileURLToPath(new URL("client.ts", import.meta.url)),
        outDir: suite.directory,
        emptyOutDir: false,
        rolldownOptions: { output: { entryFileNames: "client.mjs" } },
      },
    });
    return suite;
  }

  /** Runs all cases of a configuration, in the suite's YAML. */
  run(configuration: string): Totals {
    const file = join(this.directory, "configuration.yaml");
    writeFileSync(file, configuration);
    const client = ["node", join(this.directory, "client.mjs"), this.front, this.descriptors];
    const { stdout, stderr } = spawnSync(this.runner, ["--mode", "client", "--conf", file, "--", ...client], {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    const report = stdout + stderr;
    const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(report) ?? [];
    return { passed: Number(passed), failed: Number(failed), report };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
