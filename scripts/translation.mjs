// docs/translation.md from the golden cases and the recordings. With --golden, the golden files first.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findBun, installMissing, root } from "./install.mjs";

installMissing("bun");
const run = (commandArguments, variables = {}) => {
  const { status } = spawnSync(findBun(), commandArguments, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...variables },
  });
  if (status !== 0) process.exit(status ?? 1);
};
if (process.argv.includes("--golden")) run(["test", "test/golden/golden.test.ts"], { UPDATE_GOLDEN: "1" });
run([join("test", "golden", "write-translation-page.ts")]);
