/**
 * SQLite through Bun's SQL. It has one connection, and Bun runs each statement inside the call that starts it. So a
 * statement issued while a transaction is open would join that transaction and vanish with its rollback; here it
 * waits until the transaction is over.
 */
import { SQL } from "bun";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Database, Sql } from "./database.ts";
import { createSql, translate, type Run } from "./driver.ts";

/** How long another process's write lock is waited for. The wait blocks this process, so it is short. */
const BUSY_TIMEOUT_MS = 2000;
const MEMORY = ":memory:";
const OWNER_ONLY = 0o600;

export async function openSqlite(url: string): Promise<Database> {
  const path = sqlitePath(url);
  const client = await translate(() => connect(path));
  const turn: { taken?: Promise<void> } = {};

  const whenFree: Run = async (statement) => {
    while (turn.taken) await turn.taken;
    return statement();
  };

  const transaction = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    while (turn.taken) await turn.taken;
    const { promise, resolve } = Promise.withResolvers<void>();
    turn.taken = promise;
    try {
      return await translate(() =>
        client.begin(
          "immediate",
          async (inner) =>
            [
              await work(
                createSql(
                  () => inner,
                  (statement) => statement(),
                ),
              ),
            ] as const,
        ),
      ).then(([result]) => result);
    } finally {
      delete turn.taken;
      resolve();
    }
  };

  const close = async () => {
    while (turn.taken) await turn.taken;
    await client.close();
  };
  const sql = createSql(() => client, whenFree);
  return { dialect: "sqlite", sql, transaction, within: () => sql, close };
}

/** `sqlite:PATH`, also written with `//` as other tools do. A query has no meaning here and is left out. */
export function sqlitePath(url: string): string {
  const path = url.slice("sqlite:".length).replace(/\?.*$/, "");
  return (path.startsWith("//") ? path.slice(2) : path) || MEMORY;
}

async function connect(path: string): Promise<SQL> {
  if (path !== MEMORY) createPrivately(path);
  const client = new SQL({ adapter: "sqlite", filename: path, bigint: true });
  await client`PRAGMA busy_timeout = ${client.unsafe(String(BUSY_TIMEOUT_MS))}`;
  await client`PRAGMA journal_mode = WAL`;
  await client`PRAGMA synchronous = NORMAL`;
  await client`PRAGMA foreign_keys = ON`;
  return client;
}

/** The file holds the gateway's own secrets, so a new one is its owner's alone. SQLite's side files take after it. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, "a", OWNER_ONLY));
}
