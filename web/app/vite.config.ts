import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The build is committed and compared byte by byte in CI: nothing in it may depend on the time, the machine or the path.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    sourcemap: false,
    // Every browser that has it loads modules this way; the polyfill would be dead code.
    modulePreload: { polyfill: false },
    // Files stay files: the Content-Security-Policy needs no exception for what is inlined.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", "service-worker": "service-worker/service-worker.ts" },
      output: {
        // What changes seldom is apart from what changes with every deploy, so that a browser need not load it again.
        codeSplitting: { groups: [{ name: "react", test: /node_modules\/(?:react|react-dom|scheduler)\// }] },
        // The service worker has one address for ever; its scope is the directory it lies in.
        entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  // `npm run dev -w app` beside `go run ./cmd/rialto`, which only takes pages of its own origin.
  server: {
    proxy: {
      "/rialto": { target: "ws://localhost:8080", ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
});
