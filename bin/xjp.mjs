#!/usr/bin/env node
// Starts the gateway's command line under Bun from a checkout. It exists because Bun reads some settings only from the
// environment it starts with (src/cli/start-environment.ts says which and why).
import { spawn } from "node:child_process";
import { join } from "node:path";
import { findBun, installMissing, root } from "../scripts/install.mjs";

const ORPHAN_CHECK_MS = 1_000;

installMissing("bun", { omitDev: true });
const given = process.argv.slice(2);
const watch = given[0] === "--watch";
const bunArguments = [
  ...(watch ? ["--watch"] : []),
  join(root, "src", "main.ts"),
  ...(watch ? given.slice(1) : given),
];
const child = spawn(findBun(), bunArguments, {
  stdio: "inherit",
  // XJP_COMMAND: how a person types our commands here, for the hints we print.
  env: {
    BUN_CONFIG_MAX_HTTP_REQUESTS: "65336",
    MIMALLOC_PURGE_DELAY: "1000",
    MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000",
    XJP_COMMAND: "npm run --silent xjp --",
    ...process.env,
  },
});
// A terminal sends Ctrl-C to the whole group, so the child has it already; a supervisor signals only us.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
// npm dies of a SIGTERM without passing it on. Left alone, the gateway would keep its port with nobody to stop it.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) child.kill("SIGTERM");
  }, ORPHAN_CHECK_MS).unref();
}
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
