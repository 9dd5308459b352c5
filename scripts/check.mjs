// Format, lint, types, dead code and the tidy rules, each to its end, so one run shows every mistake.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findBun, installMissing, root } from "./install.mjs";

installMissing("knip");
const bin = (name) => join(root, "node_modules", ".bin", name);
const fix = process.argv.includes("--fix");
const steps = [
  ["format", bin("oxfmt"), fix ? ["."] : ["--check", "."]],
  ["lint", bin("oxlint"), ["--type-aware", "--deny-warnings", ...(fix ? ["--fix"] : [])]],
  ["types", bin("tsc"), ["-p", "."]],
  ["dead code", bin("knip"), []],
  ["tidy", findBun(), ["test", "test/tidy.test.ts"]],
];
const failed = steps.filter(([name, command, commandArguments]) => {
  const outcome = spawnSync(command, commandArguments, { cwd: root, encoding: "utf8" });
  const passed = outcome.status === 0;
  process.stdout.write(`${passed ? "ok  " : "FAIL"} ${name}\n`);
  if (!passed) process.stdout.write(`${outcome.stdout}${outcome.stderr}\n`);
  return !passed;
});
process.exit(failed.length === 0 ? 0 : 1);
