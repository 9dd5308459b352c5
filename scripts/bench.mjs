// Compares the gateway with nginx and Portkey and writes docs/benchmarks.md (bench/run.ts says how). `unary`, `stream`,
// `latency`, `memory` as arguments measure only that and write nothing. Installs no system package by itself.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fail, findBun, installMissing, root } from "./install.mjs";

const tools = ["nginx", "wrk"];
const missing = tools.filter((tool) => spawnSync(tool, ["-v"], { stdio: "ignore" }).error !== undefined);
if (process.platform !== "linux")
  fail("the benchmark reads processor time from /proc and runs on Linux only");
if (missing.length > 0) {
  fail(
    `the benchmark needs ${missing.join(" and ")}: run \`apt-get install ${missing.join(" ")}\` and try again`,
  );
}
installMissing("bun");
installMissing("@portkey-ai/gateway", { folder: join(root, "bench") });

const child = spawn(findBun(), [join(root, "bench", "run.ts"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => process.exit(code ?? 1));
