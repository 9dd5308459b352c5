/** The gateway as people start it: `node bin/xjp.mjs serve`, a process of its own in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../gateway/until.ts";

const root = join(import.meta.dir, "..", "..");
const launcher = ["node", join(root, "bin", "xjp.mjs")];

export interface Running {
  readonly url: string;
  readonly pid: number;
  /** All that was printed so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number>;
}

export async function freshFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "xjp-e2e-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs a command to its end. */
export async function runToEnd(folder: string, given: readonly string[]) {
  const child = spawn(folder, given);
  const exitCode = await child.exited;
  return { exitCode, stdout: child.stdout(), stderr: child.stderr() };
}

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  /** How the gateway is called; the launcher of this checkout where nothing is said. */
  readonly command?: readonly string[];
}

/** Starts `serve` and waits for its banner. */
export async function startServe(
  folder: string,
  given: readonly string[] = [],
  { env = {}, command = launcher }: Start = {},
): Promise<Running> {
  const serve = ["serve", "--port", "0", "--host", "127.0.0.1", ...given];
  const child = spawn(folder, serve, { env, command });
  let exitCode: number | undefined;
  void child.exited.then((code) => (exitCode = code));
  const url = await until(
    "the banner",
    () => {
      if (exitCode !== undefined)
        throw new Error(`serve ended with ${exitCode}: ${child.stdout()}${child.stderr()}`);
      return child.stdout().includes("Paste this") && child.stdout().includes("curl")
        ? /Base URL\s+(http:\S+)/.exec(child.stdout())?.[1]
        : undefined;
    },
    20_000,
  );
  return { ...child, url };
}

function spawn(folder: string, given: readonly string[], { env = {}, command = launcher }: Start = {}) {
  const child = Bun.spawn([...command, ...given], {
    cwd: folder,
    // Nothing of the developer's own providers may leak in.
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const collect = (stream: ReadableStream<Uint8Array>) => {
    let text = "";
    const decoder = new TextDecoder();
    const done = (async () => {
      for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
    })();
    return { text: () => text, done };
  };
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  return {
    pid: child.pid,
    stdout: stdout.text,
    stderr: stderr.text,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    exited: Promise.all([child.exited, stdout.done, stderr.done]).then(([code]) => code),
  };
}

/** The processes started by another, the launcher's Bun among them. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const listed = await Bun.$`ps -eo pid=,ppid=`.quiet().text();
  return listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
