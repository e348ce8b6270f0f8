import { renameSync, writeFileSync } from "node:fs";

/** Listens on a free loopback port and writes it to the file that --port-file names. */
export function listen(server) {
  const portFile = process.argv[process.argv.indexOf("--port-file") + 1];
  server.listen(0, "127.0.0.1", () => {
    writeFileSync(`${portFile}.new`, JSON.stringify({ http: `127.0.0.1:${server.address().port}` }));
    renameSync(`${portFile}.new`, portFile);
  });
}
