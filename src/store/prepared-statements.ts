/**
 * A connection to SQLite and the statements it has already compiled. Compiling is most of what a short statement costs.
 */
import type { Database as Connection, Statement } from "bun:sqlite";
import type { Rows, SqlValue } from "./database.ts";
import type { Row } from "./row.ts";
import type { RowValue } from "./usage-row.ts";
import type { SqliteStatement } from "./sqlite-statement.ts";
import { unavailable } from "./store-failure.ts";

/** A store has a few dozen texts; reports and lists of many lengths must not grow this without end. */
const STATEMENTS_MAX = 64;

/** The connection and the statements it has already compiled, the oldest given up first. */
export class PreparedStatements {
  readonly #connection: Connection;
  readonly #statements = new Map<string, Statement<Row, SqlValue[]>>();
  #isClosed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  execute({ text, parameters }: SqliteStatement): Rows {
    const statement = this.#prepare(text);
    if (statement.columnNames.length === 0) {
      return Object.assign([], { count: statement.run(...parameters).changes });
    }
    const rows = statement.all(...parameters);
    return Object.assign(rows, { count: rows.length });
  }

  run(text: string): void {
    this.#prepare(text).run();
  }

  script(text: string): void {
    this.#refuseWhenClosed();
    this.#connection.run(text);
  }

  /**
   * Rows by a statement of one row, in a transaction of their own: all or nothing. A statement of many rows has thousands
   * of parameters and gains nothing.
   */
  insertAll(text: string, rows: readonly (readonly RowValue[])[]): void {
    // It takes the values as one array too, which its type does not say; spreading them is a tenth of a row's cost.
    const insert: Statement = this.#prepare(text);
    this.run("BEGIN IMMEDIATE");
    try {
      for (const row of rows) insert.run(row);
      this.run("COMMIT");
    } catch (error) {
      this.rollBack();
      throw error;
    }
  }

  /** SQLite itself has ended the transaction after some errors. */
  rollBack(): void {
    if (!this.#isClosed && this.#connection.inTransaction) this.run("ROLLBACK");
  }

  close(): void {
    this.#isClosed = true;
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#connection.close();
  }

  #prepare(text: string): Statement<Row, SqlValue[]> {
    this.#refuseWhenClosed();
    const known = this.#statements.get(text);
    if (known) return known;
    const oldest = this.#statements.entries().next();
    if (this.#statements.size >= STATEMENTS_MAX && oldest.done !== true) {
      this.#statements.delete(oldest.value[0]);
      oldest.value[1].finalize();
    }
    const statement = this.#connection.prepare<Row, SqlValue[]>(text);
    this.#statements.set(text, statement);
    return statement;
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw unavailable();
  }
}
