// Builds one executable, dist/xjp, that needs neither Node nor Bun nor node_modules.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findBun, installMissing, root } from "./install.mjs";

installMissing("bun", { omitDev: true });
const outfile = join(root, "dist", "xjp");
const outcome = spawnSync(
  findBun(),
  [
    "build",
    "--compile",
    "--minify",
    "--sourcemap=inline",
    join(root, "src", "main.ts"),
    "--outfile",
    outfile,
  ],
  { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
);
if (outcome.status === 0) console.log("built dist/xjp");
process.exit(outcome.status ?? 1);
