/** A process of the benchmark: started, awaited until it answers, read from /proc, and ended with the run. */
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { pinMainThread } from "./pin.ts";

export interface Child extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Processor time of all its threads since it started. */
  processorNs(): number;
  residentBytes(): number;
  /** Its main thread keeps to the first processor until this is disposed. */
  pin(): Disposable;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly port: number;
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command only launches the process that does the work. */
  readonly isLauncher?: boolean;
}

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 25;
const STOP_TIMEOUT_MS = 5_000;
const KIB = 1024;

/** Output goes to `NAME.log` in the folder. Throws where the port does not open in time. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, port, folder, env, isLauncher = false } = options;
  const output = Bun.file(`${folder}/${name}.log`);
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await Promise.race([child.exited, Bun.sleep(STOP_TIMEOUT_MS)]);
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await child.exited;
  };
  try {
    await opened(port, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`${name} did not start: ${(await output.text()).slice(-2000)}`, { cause: error });
  }
  const id = isLauncher ? onlyChildOf(child.pid) : child.pid;
  const threadNs = new Map<string, number>();
  return {
    name,
    port,
    processorNs: () => sumThreads(id, threadNs),
    residentBytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]) * KIB,
    pin: () => pinMainThread(id),
    [Symbol.asyncDispose]: stop,
  };
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/**
 * The scheduler's own account, in nanoseconds; utime and stime of `stat` are the same sum in ticks of 10 ms. A thread
 * that has ended is gone from /proc with all it did, so it counts with what was last seen of it.
 */
function sumThreads(id: number, seenNs: Map<string, number>): number {
  for (const thread of readdirSync(`/proc/${id}/task`)) {
    try {
      const text = readFileSync(`/proc/${id}/task/${thread}/schedstat`, "utf8");
      seenNs.set(thread, Number(text.split(" ", 1)[0]));
    } catch {
      // The thread ended between the two reads.
    }
  }
  return [...seenNs.values()].reduce((sum, ns) => sum + ns, 0);
}

function onlyChildOf(id: number): number {
  const [first] = readFileSync(`/proc/${id}/task/${id}/children`, "utf8").split(" ");
  if (first === undefined || first === "") throw new Error(`process ${id} has launched nothing`);
  return Number(first);
}

async function opened(port: number, hasEnded: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline && !hasEnded()) {
    if (await canConnect(port)) return;
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`nothing listens on port ${port}`);
}

function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => {
    socket.destroy();
    resolve(true);
  });
  socket.on("error", () => resolve(false));
  return promise;
}
