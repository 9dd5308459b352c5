/**
 * A thread with its own connection to the SQLite file, in which rows are inserted: the entry point of a Worker, started
 * by sqlite-inserts.ts. Here waiting for the file's lock and for the disk holds up nobody.
 */
import { Database as Connection, SQLiteError } from "bun:sqlite";
import { insertUsage } from "./insert-usage.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import type { Inserted, Task } from "./sqlite-inserts.ts";
import { recordsOf } from "./usage-text.ts";

declare const self: Worker;

const BUSY_TIMEOUT_MS = 2_000;
/** 32 MB of log. Rows of many keys change the same index pages again and again; a checkpoint writes each of them once. */
const CHECKPOINT_PAGES = 4_000;

/** The connection, from the first insert on. */
const opened = new Map<string, PreparedStatements>();

self.addEventListener("message", ({ data: { id, path, texts } }: MessageEvent<Task>) => {
  const done: Inserted = { id, ...(texts === undefined ? closeAll() : insert(path, texts)) };
  self.postMessage(done);
});

function insert(path: string, texts: string): Omit<Inserted, "id"> {
  try {
    const connection = opened.get(path) ?? open(path);
    insertUsage(connection, recordsOf([texts]));
    return {};
  } catch (error) {
    // A connection remembers what it found: a file that was read-only stays so for it, though it is writable by now.
    closeAll();
    if (error instanceof SQLiteError) return { error: { message: error.message, errno: error.errno } };
    return { error: { message: String(error) } };
  }
}

function open(path: string): PreparedStatements {
  const connection = new Connection(path, { readwrite: true });
  const prepared = new PreparedStatements(connection);
  opened.set(path, prepared);
  connection.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  connection.run("PRAGMA synchronous = NORMAL");
  connection.run("PRAGMA foreign_keys = ON");
  connection.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  return prepared;
}

function closeAll(): Omit<Inserted, "id"> {
  for (const connection of opened.values()) connection.close();
  opened.clear();
  return {};
}
