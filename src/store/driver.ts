/** Bun's SQL client behind our `Sql`: the only file that knows its types. SQLite has a client of its own (sqlite.ts). */
import type { SQL } from "bun";
import type { Rows, Sql, SqlPart, SqlPiece, SqlValue } from "./database.ts";
import { toStoreFailure } from "./store-failure.ts";

/** Runs a statement when its turn has come; the dialect decides on turns and deadlines. */
export type Run = <T>(statement: () => Promise<T>) => Promise<T>;

export function createSql(current: () => SQL, run: Run): Sql {
  const execute = (strings: TemplateStringsArray, ...values: readonly SqlPiece[]): Promise<Rows> =>
    // `execute` starts the query in this very call; `await` alone would start it a microtask after its turn was given.
    translate(() => run(async () => toRows(await current()(strings, ...values).execute())));
  return Object.assign(execute, {
    part: (strings: TemplateStringsArray, ...values: readonly SqlPiece[]) =>
      toPart(current()(strings, ...values)),
    rows: (rows: readonly Readonly<Record<string, SqlValue>>[]) => toPart(current()(rows)),
    list: (values: readonly SqlValue[]) => toPart(current()(values)),
    script: (text: string) =>
      translate(() =>
        run(async () => {
          await current().unsafe(text).execute();
        }),
      ),
  });
}

/** A closed client and a misused helper throw at once, others reject: both end as a `Failure`. */
export async function translate<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreFailure(error);
  }
}

/** The driver's queries and helpers have types of their own; ours is opaque, so this is where one becomes the other. */
function toPart(piece: unknown): SqlPart {
  return piece as SqlPart;
}

/** The driver types rows as `any`. */
function toRows(result: unknown): Rows {
  if (!isRows(result)) throw new TypeError("the driver gave no rows");
  return result;
}

function isRows(result: unknown): result is Rows {
  return Array.isArray(result) && "count" in result;
}
