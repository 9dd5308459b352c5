/**
 * PostgreSQL through Bun's SQL: a pool that reconnects by itself after a closed connection. A server that falls silent
 * closes none, so statements have deadlines, and a pool whose every connection is stuck is replaced by a fresh one. What
 * an overdue statement did on the server is unknown, as it is after a lost connection.
 */
import { SQL } from "bun";
import type { Database, DatabaseOptions, Sql, SqlValue, TransactionOptions } from "./database.ts";
import { createSql, translate, type Run } from "./driver.ts";
import { unavailable } from "./store-failure.ts";
import { toUsageRow } from "./usage-row.ts";
import { recordsOf } from "./usage-text.ts";

const CONNECTIONS_MAX = 10;
const CONNECTION_TIMEOUT_SECONDS = 5;
const STATEMENT_TIMEOUT_MS = 5000;
const STATEMENTS_PER_TRANSACTION = 4;
const CLOSE_TIMEOUT_SECONDS = 2;
/**
 * 40 columns a row: well below the 65535 parameters that one statement may have, and few enough that streams do not wait
 * long while it is put together.
 */
const ROWS_PER_STATEMENT = 128;

interface Pool {
  readonly client: SQL;
  /** Statements past their deadline that have not ended since. */
  overdue: number;
}

export async function openPostgres(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const timeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const held: { pool: Pool } = { pool: connect(url) };
  const current = () => held.pool.client;

  const onOverdue = (pool: Pool, work: Promise<unknown>) => {
    pool.overdue += 1;
    const ended = () => {
      pool.overdue -= 1;
    };
    work.then(ended, ended);
    if (pool.overdue < CONNECTIONS_MAX || held.pool !== pool) return;
    held.pool = connect(url);
    // Its statements reject, which those who wait for them are told; the close itself has nobody to tell.
    void pool.client.close({ timeout: 0 }).catch(() => {});
  };

  const beforeDeadline = <T>(work: Promise<T>, limitMs: number): Promise<T> => {
    const pool = held.pool;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => {
      reject(unavailable());
      onOverdue(pool, work);
    }, limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
    return promise;
  };

  const within = (limitMs: number): Sql => {
    const run: Run = (statement) => beforeDeadline(statement(), limitMs);
    return createSql(current, run);
  };

  const transaction = <T>(work: (sql: Sql) => Promise<T>, { isUnbounded = false }: TransactionOptions = {}) =>
    translate(async () => {
      const running = runTransaction(current(), work);
      return isUnbounded ? running : beforeDeadline(running, timeoutMs * STATEMENTS_PER_TRANSACTION);
    });

  const sql = within(timeoutMs);
  const insertUsage: Database["insertUsage"] = async (texts) => {
    // So that two processes with the same rows wait for each other in line, not crosswise.
    const rows = recordsOf(texts).map(toUsageRow).sort(byId);
    if (rows.length <= ROWS_PER_STATEMENT) return insertRows(sql, rows);
    await transaction(async (inner) => {
      for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
        await insertRows(inner, rows.slice(start, start + ROWS_PER_STATEMENT));
      }
    });
  };
  const close = () => current().close({ timeout: CLOSE_TIMEOUT_SECONDS });
  const startInserts = () => undefined;
  return { dialect: "postgres", sql, transaction, insertUsage, startInserts, within, close };
}

function connect(url: string): Pool {
  const database = decodeURIComponent(new URL(url).pathname.slice(1));
  const client = new SQL(url, {
    adapter: "postgres",
    // Said again, because PGDATABASE in the environment would win over the URL.
    ...(database !== "" && { database }),
    bigint: true,
    max: CONNECTIONS_MAX,
    connectionTimeout: CONNECTION_TIMEOUT_SECONDS,
    connection: { application_name: "xjp" },
  });
  return { client, overdue: 0 };
}

async function runTransaction<T>(client: SQL, work: (sql: Sql) => Promise<T>): Promise<T> {
  const now: Run = (statement) => statement();
  const [result] = await client.begin(async (inner) => [await work(createSql(() => inner, now))] as const);
  return result;
}

function byId(left: Readonly<Record<string, SqlValue>>, right: Readonly<Record<string, SqlValue>>): number {
  return String(left["id"]) < String(right["id"]) ? -1 : 1;
}

async function insertRows(sql: Sql, rows: readonly Readonly<Record<string, SqlValue>>[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`INSERT INTO usage_logs ${sql.rows(rows)} ON CONFLICT (id) DO NOTHING`;
}
