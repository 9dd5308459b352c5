/** Counts and awaits the statements that a store sends to its database. */
import type { Database, Sql } from "#store/database.ts";

export interface Watched {
  readonly database: Database;
  started(): number;
  /** Resolves when every statement has answered and its answer has been taken in. */
  settled(): Promise<void>;
}

/** The same database, with the statements outside transactions watched. */
export function watchStatements(database: Database): Watched {
  const statements: Promise<unknown>[] = [];
  const run = (...given: Parameters<Sql>) => {
    const statement = database.sql(...given);
    statements.push(statement);
    return statement;
  };
  const watched = Object.assign(run, { ...database.sql });
  return {
    database: { ...database, sql: watched, within: () => watched },
    started: () => statements.length,
    async settled() {
      await Promise.allSettled(statements);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
