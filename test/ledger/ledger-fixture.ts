/** A real journal folder and a real SQLite store, with a database that can be taken away. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageSink } from "#ledger/usage-sink.ts";
import { Failure } from "#model/failure.ts";
import { recordsOf } from "#store/usage-text.ts";
import { openDatabase, type Database } from "#store/database.ts";
import { createUsageStore, type UsageStore } from "#store/usage-store.ts";

export interface LedgerFixture extends AsyncDisposable {
  readonly journalFolder: string;
  readonly databaseUrl: string;
  readonly store: UsageStore;
  /** The store as the writer sees it. */
  readonly sink: UsageSink;
  readonly faults: Faults;
  /** Ids in SQL with their outcomes, sorted by id. The id is the primary key: none can be there twice. */
  rows(): Promise<readonly { readonly id: string; readonly outcome: string }[]>;
}

export interface Faults {
  isDown: boolean;
  /** Fails after the rows are in: the database's answer got lost. */
  losesAnswers: boolean;
  /** Rows with these ids are refused for ever. */
  readonly refusedIds: Set<string>;
}

/** `memory`: rows go in within a turn of the event loop, as a virtual clock needs it; a file has a thread for that. */
export async function openLedgerFixture(place: "file" | "memory" = "file"): Promise<LedgerFixture> {
  const folder = mkdtempSync(join(tmpdir(), "ledger-"));
  const databaseUrl = `sqlite:${place === "file" ? join(folder, "usage.db") : ":memory:"}`;
  const database = await openDatabase(databaseUrl);
  const store = createUsageStore(database);
  const faults: Faults = { isDown: false, losesAnswers: false, refusedIds: new Set() };
  return {
    journalFolder: join(folder, "journal"),
    databaseUrl,
    store,
    faults,
    sink: {
      async insert(texts) {
        if (faults.isDown)
          throw new Failure("unavailable", "The database is away.", { code: "store_unavailable" });
        if (recordsOf(texts).some(({ id }) => faults.refusedIds.has(id))) {
          throw new Failure("internal", "The database refused a statement.", { code: "store_refused" });
        }
        await store.insert(texts);
        if (faults.losesAnswers)
          throw new Failure("unavailable", "The answer got lost.", { code: "store_unavailable" });
      },
    },
    rows: () => readRows(database),
    async [Symbol.asyncDispose]() {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a promise was rejected with; undefined where it was not. */
export function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function readRows(database: Database) {
  const rows = await database.sql`SELECT id, outcome FROM usage_logs ORDER BY id`;
  return rows.map((row) => ({ id: String(row["id"]), outcome: String(row["outcome"]) }));
}
