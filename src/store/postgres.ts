/**
 * PostgreSQL through Bun's SQL: a pool that reconnects by itself. A server that accepts and never answers must not
 * hang a request, so a statement has a deadline; what it did on the server is then unknown, as after a lost connection.
 */
import { SQL } from "bun";
import type { Database, DatabaseOptions, Sql } from "./database.ts";
import { createSql, translate, type Run } from "./driver.ts";
import { unavailable } from "./store-failure.ts";

const CONNECTIONS_MAX = 10;
const CONNECTION_TIMEOUT_SECONDS = 5;
const STATEMENT_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_SECONDS = 2;

export async function openPostgres(url: string, options: DatabaseOptions = {}): Promise<Database> {
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
  const timeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  // Transactions have none: a migration may take minutes, and the others are few and short.
  const withDeadline: Run = (statement) => beforeDeadline(statement(), timeoutMs);
  const now: Run = (statement) => statement();
  return {
    dialect: "postgres",
    sql: createSql(client, withDeadline),
    transaction: <T>(work: (sql: Sql) => Promise<T>) =>
      translate(async () => {
        const [result] = await client.begin(async (inner) => [await work(createSql(inner, now))] as const);
        return result;
      }),
    close: () => client.close({ timeout: CLOSE_TIMEOUT_SECONDS }),
  };
}

function beforeDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(unavailable()), timeoutMs);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
