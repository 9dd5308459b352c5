/**
 * SQLite through `bun:sqlite`, which keeps prepared statements; Bun's `SQL` prepares anew on every call, and that was
 * a quarter of a request's cost. There is one connection, and each statement runs inside the call that starts it. So one
 * issued while a transaction is open would join that transaction and vanish with its rollback; here it waits until the
 * transaction is over.
 */
import { Database as Connection, SQLiteError } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Database, Rows, Sql, SqlPiece, SqlValue } from "./database.ts";
import { translate, type Run } from "./driver.ts";
import { insertUsage } from "./insert-usage.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { joinList, joinRows, joinTemplate, toPart } from "./sqlite-statement.ts";
import { SqliteInserts } from "./sqlite-inserts.ts";
import { PRIMARY_CODE_MASK } from "./store-failure.ts";
import { recordsOf } from "./usage-text.ts";

/**
 * How long another process's write lock is waited for. SQLite's own wait stands still with the whole process, so it is
 * a blink; after it the lock is tried again now and then while the process goes on with other work.
 */
const BUSY_TIMEOUT_MS = 25;
const BUSY_PAUSE_MS = 50;
const BUSY_WAIT_MS = 2_000;
/** Nobody is being served while the database is opened. */
const BUSY_TIMEOUT_AT_START_MS = 2_000;
const SQLITE_BUSY = 5;
/**
 * A checkpoint waits for the disk twice. The thread that inserts rows makes one whenever the log has grown by a few
 * megabytes; here, where streams would wait with it, only where that thread does not come to it.
 */
const CHECKPOINT_PAGES = 20_000;
/** Of a new file. Usage rows fill pages one after another, so larger ones are fewer writes. */
const PAGE_BYTES = 8_192;
const MEMORY = ":memory:";
const OWNER_ONLY = 0o600;

export async function openSqlite(url: string): Promise<Database> {
  const path = sqlitePath(url);
  const connection = await translate(async () => connect(path));
  const prepared = new PreparedStatements(connection);
  const turn: { taken?: Promise<void> } = {};
  const whenFree: Run = (statement) =>
    patiently(async () => {
      while (turn.taken) await turn.taken;
      return statement();
    });
  /** Opens a transaction; gives how to end its turn. While the lock is waited for, others may have theirs. */
  const begin = () =>
    whenFree(async () => {
      prepared.run("BEGIN IMMEDIATE");
      const { promise, resolve } = Promise.withResolvers<void>();
      turn.taken = promise;
      return () => {
        delete turn.taken;
        resolve();
      };
    });
  const transaction = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    translate(async () => {
      const end = await begin();
      try {
        const result = await work(createSql(prepared, (statement) => statement()));
        prepared.run("COMMIT");
        return result;
      } catch (error) {
        prepared.rollBack();
        throw error;
      } finally {
        end();
      }
    });
  // A database in memory is this connection's alone.
  const inserts = path === MEMORY ? undefined : new SqliteInserts(path);
  const insertTexts: Database["insertUsage"] = (texts) =>
    translate(async () => {
      if (inserts) await inserts.insert(texts);
      else await whenFree(async () => insertUsage(prepared, recordsOf(texts)));
    });
  const close = async () => {
    while (turn.taken) await turn.taken;
    await inserts?.close();
    prepared.close();
  };
  const sql = createSql(prepared, whenFree);
  return {
    dialect: "sqlite",
    sql,
    transaction,
    insertUsage: insertTexts,
    startInserts: () => inserts?.start(),
    within: () => sql,
    close,
  };
}

/** A statement that found the lock taken has done nothing, so it can be run again. */
async function patiently<T>(statement: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + BUSY_WAIT_MS;
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      const isBusy = error instanceof SQLiteError && (error.errno & PRIMARY_CODE_MASK) === SQLITE_BUSY;
      if (!isBusy || performance.now() >= endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }
}

/** `sqlite:PATH`, also written with `//` as other tools do. A query has no meaning here and is left out. */
export function sqlitePath(url: string): string {
  const path = url.slice("sqlite:".length).replace(/\?.*$/, "");
  return (path.startsWith("//") ? path.slice(2) : path) || MEMORY;
}

function connect(path: string): Connection {
  if (path !== MEMORY) createPrivately(path);
  const connection = new Connection(path, { create: true, readwrite: true, safeIntegers: true });
  try {
    connection.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_AT_START_MS}`);
    connection.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    connection.run("PRAGMA journal_mode = WAL");
    connection.run("PRAGMA synchronous = NORMAL");
    connection.run("PRAGMA foreign_keys = ON");
    connection.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    connection.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

/** The file holds the gateway's own secrets, so a new one is its owner's alone. SQLite's side files take after it. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, "a", OWNER_ONLY));
}

function createSql(prepared: PreparedStatements, run: Run): Sql {
  const execute = (strings: TemplateStringsArray, ...pieces: readonly SqlPiece[]): Promise<Rows> =>
    translate(() => run(async () => prepared.execute(joinTemplate(strings, pieces))));
  return Object.assign(execute, {
    part: (strings: TemplateStringsArray, ...pieces: readonly SqlPiece[]) =>
      toPart(joinTemplate(strings, pieces)),
    rows: (rows: readonly Readonly<Record<string, SqlValue>>[]) => toPart(joinRows(rows)),
    list: (values: readonly SqlValue[]) => toPart(joinList(values)),
    script: (text: string) => translate(() => run(async () => prepared.script(text))),
  });
}
