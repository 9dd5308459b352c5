/**
 * Usage rows inserted into a SQLite file by a thread of their own (sqlite-thread.ts), so that neither many rows nor a slow
 * disk hold up the streams of this one. They cross over as the texts they are in the journal, and the thread reads them.
 *
 *   none ──first insert──▶ running ──dies──▶ none (what it had not confirmed is `unavailable`, to be tried again)
 *                             └────close──▶ closed
 */
import { SqliteThreadError, unavailable } from "./store-failure.ts";

/** To the thread, as it is. Without texts: close the file, nothing more comes. */
export interface Task {
  readonly id: number;
  readonly path: string;
  /** Usage texts (usage-text.ts), joined by a comma. */
  readonly texts?: string;
}

/** From the thread. */
export interface Inserted {
  readonly id: number;
  /** `errno`: SQLite's extended result code, where it is SQLite's refusal. */
  readonly error?: { readonly message: string; readonly errno?: number };
}

/** In the built executable all modules are one file, and a thread is found by its path from `src`. */
const THREAD = import.meta.path.endsWith(".ts")
  ? new URL("./sqlite-thread.ts", import.meta.url).href
  : "./store/sqlite-thread.ts";

export class SqliteInserts {
  readonly #path: string;
  readonly #module: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #thread: Worker | undefined;
  #lastId = 0;
  #isClosed = false;

  /** `thread`: the module it runs. */
  constructor(path: string, thread = THREAD) {
    this.#path = path;
    this.#module = thread;
  }

  /** Nothing keeps the process alive yet. */
  start(): void {
    if (this.#thread || this.#isClosed) return;
    this.#thread = this.#start();
    this.#thread.unref();
  }

  /** All or nothing, in the order of the calls. */
  insert(texts: readonly string[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable());
    return this.#ask((this.#thread ??= this.#start()), texts.join(","));
  }

  /**
   * Resolves when what was asked for is done and the thread has closed the file: whoever closes it last merges SQLite's
   * log into it, and a thread that is merely ended closes it too late for that.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    // A thread that died has closed it.
    if (this.#thread) await this.#ask(this.#thread).catch(() => undefined);
    this.#thread?.terminate();
    this.#thread = undefined;
  }

  #ask(thread: Worker, texts?: string): Promise<void> {
    const id = (this.#lastId += 1);
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(id, waiting);
    // While somebody waits for it, the thread keeps the process alive, and only then.
    thread.ref();
    const task: Task = { id, path: this.#path, ...(texts !== undefined && { texts }) };
    thread.postMessage(task);
    return waiting.promise;
  }

  #start(): Worker {
    const thread = new Worker(this.#module);
    thread.addEventListener("message", ({ data }: MessageEvent<Inserted>) => this.#settle(data));
    thread.addEventListener("error", ({ message }) => this.#lose(thread, message));
    thread.addEventListener("close", () => this.#lose(thread, "the thread ended"));
    return thread;
  }

  #settle({ id, error }: Inserted): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#thread?.unref();
    if (!error) waiting?.resolve();
    // What SQLite has no code for is a bug met by these rows: it must not look like an outage and be tried for ever.
    else if (error.errno === undefined) waiting?.reject(new Error(error.message));
    else waiting?.reject(new SqliteThreadError(error.message, error.errno));
  }

  #lose(thread: Worker, reason: string): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of lost) reject(unavailable(new Error(reason)));
  }
}
