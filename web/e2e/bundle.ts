import { fileURLToPath } from "node:url";
import { build, type Rolldown } from "vite";

/** Returns a module of this directory and all it imports as one script, for a page that has none. */
export async function bundle(module: string): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: "error",
    // Vitest's NODE_ENV would make it a build for development.
    oxc: { jsx: { runtime: "automatic", development: false } },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      lib: { entry: fileURLToPath(new URL(module, import.meta.url)), formats: ["iife"], name: "bundle" },
    },
  })) as Rolldown.RolldownOutput[];
  const code = built[0]?.output[0].code;
  if (code === undefined) {
    throw new Error("vite built nothing");
  }
  return code;
}
