// Installs what a checkout lacks and finds the Bun binary. Plain Node without dependencies: it must run
// before anything is installed, on Node 20.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");
const BINARY_BYTES_MIN = 1_000_000;

/** Runs `npm ci` when `probe`, a package this job needs, is missing. Output goes to stderr, so `--json` stays clean. */
export function installMissing(probe, { folder = root, omitDev = false } = {}) {
  if (existsSync(join(folder, "node_modules", probe, "package.json"))) return;
  process.stderr.write(`Installing packages in ${folder === root ? "the checkout" : folder} (once) ...\n`);
  const npmArguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  if (omitDev) npmArguments.push("--omit=dev");
  const outcome = spawnSync("npm", npmArguments, {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (outcome.status !== 0)
    fail("npm ci failed: see its output above; check the network and your npm registry");
}

/** Path of Bun. npm 11 may hold back the install script that moves the binary, so look in both places. */
export function findBun() {
  const modules = join(root, "node_modules");
  const scope = join(modules, "@oven");
  const platforms = existsSync(scope) ? readdirSync(scope).filter((name) => name.startsWith("bun-")) : [];
  const candidates = [
    join(modules, "bun", "bin", "bun.exe"),
    ...platforms.flatMap((name) => [join(scope, name, "bin", "bun"), join(scope, name, "bin", "bun.exe")]),
  ];
  const found = candidates.find((path) => existsSync(path) && statSync(path).size > BINARY_BYTES_MIN);
  return found ?? fail("Bun is missing from node_modules: run `npm ci` and try again");
}

export function fail(message) {
  process.stderr.write(`xjp: ${message}\n`);
  process.exit(1);
}
