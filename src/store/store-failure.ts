/**
 * What a database error means. The difference matters to whoever retries: `unavailable` passes when the database is
 * back, while a statement the database understood and refused will be refused for ever.
 *
 * - `unavailable`, code `store_unavailable`: no connection, no answer in time, locked, disk full, shutting down.
 * - `internal`, code `store_refused`: bad SQL, a constraint, a value the column cannot hold.
 */
import { SQL } from "bun";
import { SQLiteError } from "bun:sqlite";
import { Failure } from "#model/failure.ts";

/** An error of SQLite in another thread, where its own class cannot come from. */
export class SqliteThreadError extends Error {
  /** SQLite's extended result code. */
  readonly errno: number;

  constructor(message: string, errno: number) {
    super(message);
    this.errno = errno;
  }
}

/** What is no database error passes unchanged: a bug must not look like an outage. */
export function toStoreFailure(error: unknown): unknown {
  if (!isDatabaseError(error) && !isConnectionError(error)) return error;
  if (!isRefusal(error)) return unavailable(error);
  // The driver's text may quote the values of the statement, so it stays in the cause, for the log to scrub.
  return new Failure("internal", "The database refused a statement; the log says which.", {
    cause: error,
    code: "store_refused",
  });
}

export function unavailable(cause?: unknown): Failure {
  return new Failure("unavailable", "The gateway's database is not available. Try again in a moment.", {
    ...(cause !== undefined && { cause }),
    code: "store_unavailable",
    retryAfterMs: 1000,
  });
}

/** SQLSTATE classes that blame the statement: data, constraint, syntax or missing object. */
const REFUSED_CLASSES = new Set(["22", "23", "42"]);
/** SQLite's primary result codes that blame it: ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE. */
const REFUSED_CODES = new Set([1, 18, 19, 20, 25]);
/** The rest of an extended code says which kind of it. */
export const PRIMARY_CODE_MASK = 0xff;

function isRefusal(error: unknown): boolean {
  if (error instanceof SQL.PostgresError) return REFUSED_CLASSES.has((error.errno ?? "").slice(0, 2));
  if (error instanceof SQLiteError || error instanceof SqliteThreadError)
    return REFUSED_CODES.has(error.errno & PRIMARY_CODE_MASK);
  return false;
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof SQL.SQLError || error instanceof SQLiteError || error instanceof SqliteThreadError;
}

/** Failed TLS handshakes and unopenable files come as plain errors with a code. */
function isConnectionError(error: unknown): boolean {
  return (
    error instanceof Error && !(error instanceof Failure) && "code" in error && typeof error.code === "string"
  );
}
