/**
 * Keeps a running gateway's configuration in step with its file.
 *
 * Invariants: what `onLoaded` gets is complete and checked, so swapping it in is one assignment; a bad file changes
 * nothing and is reported once, not at every look; after `close` nothing runs any more.
 *
 * The file is looked at once a second instead of being watched by the kernel: editors and orchestrators replace
 * files, folders and links, and a watch on what was replaced stays silent for ever.
 */
import { readFileSync, statSync } from "node:fs";
import { type Clock, systemClock, type Timer } from "#lib/clock.ts";
import { type ConfigSource, loadConfig, type LoadedConfig } from "./load.ts";

export interface ReloadHandlers {
  readonly onLoaded: (loaded: LoadedConfig) => void | Promise<void>;
  /** The old configuration stays in force. */
  readonly onRejected: (error: Error) => void;
  readonly clock?: Clock;
}

export interface ConfigWatcher extends Disposable {
  /** Loads at once, changed or not: for SIGHUP. */
  reload(): void;
  close(): void;
}

const LOOK_INTERVAL_MS = 1_000;

/** Without a path there is nothing to watch; `reload` works all the same. */
export function watchConfig(source: ConfigSource, handlers: ReloadHandlers): ConfigWatcher {
  const { path } = source;
  const clock = handlers.clock ?? systemClock;
  let isClosed = false;
  let known = path === undefined ? "" : stampOf(path);
  let pending: string | undefined;

  function look(): void {
    if (path === undefined) return;
    const stamp = stampOf(path);
    if (stamp === known) {
      pending = undefined;
      return;
    }
    // A file still being written changes again: it is read once it has kept still for one look.
    if (stamp !== pending) {
      pending = stamp;
      return;
    }
    load(stamp);
  }

  function load(stamp: string): void {
    known = stamp;
    pending = undefined;
    // `loadConfig` reads before anything is decided, and throws with every mistake.
    settle(() => handlers.onLoaded(loadConfig(source)));
  }

  function settle(apply: () => void | Promise<void>): void {
    const reject = (error: unknown): void => {
      if (!isClosed) handlers.onRejected(error instanceof Error ? error : new Error(String(error)));
    };
    try {
      const applied = apply();
      if (applied instanceof Promise) void applied.catch(reject);
    } catch (error) {
      reject(error);
    }
  }

  function lookAgain(): Timer {
    return clock.schedule(LOOK_INTERVAL_MS, () => {
      look();
      if (!isClosed) timer = lookAgain();
    });
  }

  let timer = lookAgain();
  function close(): void {
    isClosed = true;
    timer.cancel();
  }
  return {
    reload() {
      if (!isClosed) load(path === undefined ? "" : stampOf(path));
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Changes with the file's content. Size and time alone miss a second edit within a clock tick; the text does not. */
function stampOf(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${size} ${mtimeMs} ${Bun.hash(readFileSync(path))}`;
  } catch {
    // Missing for a moment while it is replaced; if it stays so, loading reports it.
    return "unreadable";
  }
}
