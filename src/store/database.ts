/**
 * One door to SQLite and PostgreSQL. Invariants:
 * - One SQL text serves both: ids and JSON are TEXT, times BIGINT milliseconds, money BIGINT nano-USD, booleans 0 or 1.
 * - Values reach SQL as parameters only.
 * - What the database refuses or cannot do is thrown as a `Failure` (store-failure.ts).
 * - A statement outside a transaction never becomes part of one, also on SQLite's single connection.
 */
import { Failure } from "#model/failure.ts";
import { migrate } from "./migrate.ts";
import { openPostgres } from "./postgres.ts";
import type { Row } from "./row.ts";
import { openSqlite } from "./sqlite.ts";

export interface Database {
  readonly dialect: Dialect;
  readonly sql: Sql;
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. On SQLite it holds the
   * write lock from the start. Inside, use only the `sql` it is given: the outer one would wait for ever.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Inserts the rows of `usage_logs` that usage texts (usage-text.ts) tell, all or nothing; a row whose `id` is there
   * already stays as it is. There are many of these rows, so each dialect has a fast way of its own.
   */
  insertUsage(texts: readonly string[]): Promise<void>;
  /**
   * Starts what the first `insertUsage` would start, for who will insert: a SQLite file's thread needs descriptors, and
   * with none left the process dies of it. So it is not left to the first rows of a flood.
   */
  startInserts(): void;
  /** `sql` with another deadline than the usual one. SQLite has none: it answers before the call returns. */
  within(timeoutMs: number): Sql;
  close(): Promise<void>;
}

export interface TransactionOptions {
  /** May take as long as it takes, as a migration does. */
  readonly isUnbounded?: boolean;
}

type Dialect = "sqlite" | "postgres";

/** A tagged template that runs one statement and gives its rows. */
export interface Sql {
  (strings: TemplateStringsArray, ...values: readonly SqlPiece[]): Promise<Rows>;
  /** A piece of a statement with its parameters, to place inside another one. It does not run by itself. */
  part(strings: TemplateStringsArray, ...values: readonly SqlPiece[]): SqlPart;
  /** `("a", "b") VALUES (?, ?), (?, ?)` for an INSERT. Every row has the fields of the first. */
  rows(rows: readonly Readonly<Record<string, SqlValue>>[]): SqlPart;
  /** `(?, ?, ?)` for an IN. */
  list(values: readonly SqlValue[]): SqlPart;
  /** Several statements without parameters, for migrations. Never built from input. */
  script(text: string): Promise<void>;
}

export type SqlValue = string | number | bigint | null;
export type SqlPiece = SqlValue | SqlPart | readonly SqlPart[];

const partTag: unique symbol = Symbol("SqlPart");
/** Opaque: what the driver makes of a piece of SQL. */
export interface SqlPart {
  readonly [partTag]: unknown;
}

/** `count`: rows returned, or rows written by a statement that returns none. */
export interface Rows extends ReadonlyArray<Row> {
  readonly count: number;
}

export interface DatabaseOptions {
  /** Bring the schema up to date first (default). `false` for commands that only look. */
  readonly migrate?: boolean;
  /** PostgreSQL: how long a statement may take before it fails as `unavailable`. A transaction may take four times that. */
  readonly statementTimeoutMs?: number;
}

/** Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://...` and brings its schema up to date. */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const database = await openDialect(url, options);
  if (options.migrate === false) return database;
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

function openDialect(url: string, options: DatabaseOptions): Promise<Database> {
  if (/^sqlite:/i.test(url)) return openSqlite(url);
  if (/^postgres(?:ql)?:\/\//i.test(url)) return openPostgres(url, options);
  // The URL may hold a password, so it is not repeated.
  throw new Failure(
    "bad_request",
    "The database URL is not usable: write sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/NAME.",
    { code: "database_url_invalid", param: "database.url" },
  );
}
