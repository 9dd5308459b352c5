/**
 * Rows into SQLite by one compiled statement, in one transaction of the connection's own: all or nothing. A statement of
 * many rows has thousands of parameters and gains nothing.
 */
import type { Database as Connection, Statement } from "bun:sqlite";
import type { RowValue } from "./sqlite-inserts.ts";

/** The part of a compiled statement that is needed here, whatever its rows look like when it gives any. */
type RowStatement = Pick<Statement<unknown, RowValue[]>, "run">;

export function insertAll(
  connection: Connection,
  statement: RowStatement,
  rows: readonly (readonly RowValue[])[],
): void {
  connection.run("BEGIN IMMEDIATE");
  try {
    for (const row of rows) statement.run(...row);
    connection.run("COMMIT");
  } catch (error) {
    // SQLite itself has ended the transaction after some errors.
    if (connection.inTransaction) connection.run("ROLLBACK");
    throw error;
  }
}
