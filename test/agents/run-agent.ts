/**
 * Runs a real coding agent from npm against a gateway: its own process, a fresh HOME, a fake key, an empty folder to
 * work in. Nothing of any other installation is read or touched.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface AgentRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What stands in the file afterwards, or undefined where it was not written. */
  readFile(name: string): Promise<string | undefined>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface AgentCommand {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Writes configuration files into the fresh HOME. */
  prepare?(home: string): Promise<void>;
}

const TIMEOUT_MS = 90_000;
const binaries = join(import.meta.dir, "node_modules", ".bin");

export async function runAgent(command: AgentCommand): Promise<AgentRun> {
  const folder = await mkdtemp(join(tmpdir(), "xjp-agent-"));
  const home = join(folder, "home");
  const work = join(folder, "work");
  await Bun.$`mkdir -p ${home} ${work}`.quiet();
  await command.prepare?.(home);
  const child = Bun.spawn([join(binaries, command.binary), ...command.args], {
    cwd: work,
    // Only what a fresh machine would have: no variable of the developer's own agents leaks in.
    env: { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb", CI: "true", ...command.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return {
    exitCode,
    stdout,
    stderr,
    readFile: (name) => readFile(join(work, name), "utf8").catch(() => undefined),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
