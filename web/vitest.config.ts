import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["transport/test/**/*.test.ts", "chat/**/*.test.ts", "app/**/*.test.{ts,tsx}"],
          restoreMocks: true,
          unstubGlobals: true,
        },
      },
      {
        // Real servers and browsers: one file at a time, since they share two cores.
        test: {
          name: "e2e",
          include: [
            "e2e/**/*.test.ts",
            "transport/e2e/**/*.test.ts",
            "transport/conformance/**/*.test.ts",
            "../examples/*/*.test.ts",
          ],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        // Not tests: pictures, for docs/images and to be looked at.
        test: {
          name: "screenshots",
          include: ["screenshots/*.shots.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
