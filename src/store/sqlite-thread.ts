/**
 * A thread with its own connection to the SQLite file, in which rows are inserted: the entry point of a Worker, started
 * by sqlite-inserts.ts. Here waiting for the file's lock and for the disk holds up nobody.
 */
import { Database as Connection, SQLiteError, type Statement } from "bun:sqlite";
import { insertAll } from "./insert-all.ts";
import type { Insert, Inserted, RowValue, Task } from "./sqlite-inserts.ts";

declare const self: Worker;

const BUSY_TIMEOUT_MS = 2_000;

/** The connection and its one statement or two, from the first insert on. */
const opened = new Map<string, Connection>();
const statements = new Map<string, Statement<unknown, RowValue[]>>();

self.addEventListener("message", ({ data }: MessageEvent<string>) => {
  // The one trust of this file: only sqlite-inserts.ts writes to it.
  const task = JSON.parse(data) as Task;
  const done: Inserted = { id: task.id, ...("text" in task ? attempt(task) : closeAll()) };
  self.postMessage(done);
});

function attempt({ path, text, rows }: Insert): Omit<Inserted, "id"> {
  try {
    const connection = opened.get(path) ?? open(path);
    insertAll(connection, statements.get(text) ?? prepare(connection, text), rows);
    return {};
  } catch (error) {
    // A connection remembers what it found: a file that was read-only stays so for it, though it is writable by now.
    closeAll();
    if (error instanceof SQLiteError) return { error: { message: error.message, errno: error.errno } };
    return { error: { message: String(error) } };
  }
}

function open(path: string): Connection {
  const connection = new Connection(path, { readwrite: true });
  opened.set(path, connection);
  connection.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  connection.run("PRAGMA synchronous = NORMAL");
  connection.run("PRAGMA foreign_keys = ON");
  return connection;
}

function prepare(connection: Connection, text: string): Statement<unknown, RowValue[]> {
  const statement = connection.prepare<unknown, RowValue[]>(text);
  statements.set(text, statement);
  return statement;
}

/** With a statement left open, the file would stay so too. */
function closeAll(): Omit<Inserted, "id"> {
  for (const statement of statements.values()) statement.finalize();
  statements.clear();
  for (const connection of opened.values()) connection.close();
  opened.clear();
  return {};
}
