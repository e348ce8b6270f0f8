import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What the page needs of protobuf when it starts: its runtime without JSON, and the descriptions of what comes over the wire. */
const protobuf = [
  /@bufbuild\/protobuf\/dist\/esm\/(?!(?:to-json|from-json|extensions|wkt\/any|wkt\/gen\/.*\/(?:any|struct)_pb)\.)/,
  /gen\/ts\/src\/(?:google\/rpc\/status|rialto\/bridge\/|rialto\/chat\/v1\/(?:types|chat|event|message))/,
  // Which would be a chunk by itself.
  /chat\/src\/error\.ts/,
];

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
        // What changes seldom is apart from what changes with every deploy, so that a browser need not load it again; and each in one
        // piece, which compresses best.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules\/(?:react|react-dom|scheduler)\// },
            { name: "protobuf", test: (id) => protobuf.some((pattern) => pattern.test(id)) },
          ],
        },
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
