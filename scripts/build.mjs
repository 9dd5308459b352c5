// Builds one executable, dist/xjp or the path given, that needs neither Node nor Bun nor node_modules.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { findBun, installMissing, root } from "./install.mjs";

installMissing("bun", { omitDev: true });
const outfile = process.argv[2] ?? join(root, "dist", "xjp");
const outcome = spawnSync(
  findBun(),
  [
    "build",
    "--compile",
    "--minify",
    "--sourcemap=inline",
    join(root, "src", "main.ts"),
    // The entry point of a thread: nothing imports it, so it has to be named.
    join(root, "src", "store", "sqlite-thread.ts"),
    "--outfile",
    outfile,
  ],
  { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
);
// The executable holds its source maps; the bundler leaves the same beside it as files that nobody reads.
for (const map of [`${outfile}.map`, join(dirname(outfile), "sqlite-thread.js.map")])
  rmSync(map, { force: true });
if (outcome.status === 0) console.log(`built ${relative(root, outfile)}`);
process.exit(outcome.status ?? 1);
