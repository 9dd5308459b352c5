// Runs every test and closes with one line that says how many passed and failed. `--coverage` also enforces the share
// of src lines that tests reach. Other arguments go to the runner: `npm test -- src/lib`.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findBun, installMissing, root } from "./install.mjs";

const LINES_COVERED_MIN = 0.85;
const TEST_TIMEOUT_MS = 60_000;

const given = process.argv.slice(2);
const withCoverage = given.includes("--coverage");
const paths = given.filter((argument) => argument !== "--coverage");

installMissing("typescript");
if (paths.length === 0 || paths.some((path) => path.includes("agents"))) {
  installMissing("@anthropic-ai/claude-code", { folder: join(root, "test", "agents") });
}

const bunArguments = ["test", `--timeout=${TEST_TIMEOUT_MS}`];
if (withCoverage) bunArguments.push("--coverage", "--coverage-reporter=lcov", "--coverage-dir=coverage");
const child = spawn(findBun(), [...bunArguments, ...paths], {
  cwd: root,
  stdio: ["ignore", "pipe", "pipe"],
  // As the launcher does: tests open more streams than Bun's default cap lets through.
  env: { BUN_CONFIG_MAX_HTTP_REQUESTS: "65336", ...process.env },
});
let output = "";
for (const [source, sink] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
]) {
  source.on("data", (chunk) => {
    sink.write(chunk);
    output += chunk;
  });
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  const count = (word) => Number(output.match(new RegExp(`^\\s*(\\d+) ${word}$`, "m"))?.[1] ?? 0);
  const [passed, failed, skipped] = [count("pass"), count("fail"), count("skip") + count("todo")];
  const isCovered = !withCoverage || reportCoverage();
  if (skipped > 0) console.log(`${skipped} skipped or unfinished tests: a skipped test is a failing test`);
  console.log(`\n${passed} passed, ${failed + skipped} failed`);
  process.exit(code === 0 && passed > 0 && failed + skipped === 0 && isCovered ? 0 : 1);
});

/** Files no test loads count too, with all their lines. */
function reportCoverage() {
  const lines = new Map();
  for (const record of readFileSync(join(root, "coverage", "lcov.info"), "utf8").split("end_of_record")) {
    const file = record.match(/^SF:(.*)$/m)?.[1];
    if (!file?.startsWith("src/")) continue;
    lines.set(file, [
      Number(record.match(/^LH:(\d+)$/m)?.[1] ?? 0),
      Number(record.match(/^LF:(\d+)$/m)?.[1] ?? 0),
    ]);
  }
  for (const file of sources("src")) {
    if (!lines.has(file) && hasCode(file))
      lines.set(file, [0, readFileSync(join(root, file), "utf8").split("\n").length]);
  }
  const [hit, found] = [...lines.values()].reduce(([h, f], [lh, lf]) => [h + lh, f + lf], [0, 0]);
  const share = hit / found;
  console.log(
    `\nline coverage of src: ${(share * 100).toFixed(1)} % (${hit} of ${found}; at least ${LINES_COVERED_MIN * 100} %)`,
  );
  const weakest = [...lines].sort(([, [h1, f1]], [, [h2, f2]]) => f2 - h2 - (f1 - h1)).slice(0, 10);
  for (const [file, [h, f]] of weakest) console.log(`  ${file}: ${f - h} lines not reached`);
  return share >= LINES_COVERED_MIN;
}

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts") ? [path] : [];
  });
}

/** A file of types alone leaves nothing to run. */
function hasCode(file) {
  if (!existsSync(join(root, file))) return false;
  return /^(export )?(async )?(function|class|const|await|for|process)/m.test(
    readFileSync(join(root, file), "utf8"),
  );
}
