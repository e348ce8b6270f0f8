// gen/ts lies outside web/, so Node's look-up from there never meets web/node_modules. One link mends that.
import { rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const link = fileURLToPath(new URL("../../gen/ts/node_modules", import.meta.url));
rmSync(link, { recursive: true, force: true });
symlinkSync("../../web/node_modules", link, "dir");
