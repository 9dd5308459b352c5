/**
 * Tells a living process's journal from a dead one's. The lock is SQLite's exclusive lock on an empty file: the
 * kernel drops it when the process dies, `kill -9` included, and no reused process id or other container's process
 * table can fool it, as a pid file would.
 *
 * Never open the lock file by other means: closing any descriptor of it would drop this process's lock (POSIX).
 * Segments are created only under the lock, and nobody looks at a lock without segments; so there is no moment in
 * which a starting process looks dead.
 */
import { Database } from "bun:sqlite";
import { lockPath } from "./segment.ts";

export interface OwnerLock {
  release(): void;
}

/** Undefined where the owner is alive. */
export function lockOwner(folder: string, owner: string): OwnerLock | undefined {
  const database = new Database(lockPath(folder, owner), { create: true, readwrite: true });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch {
    database.close();
    return undefined;
  }
  return { release: () => database.close() };
}
