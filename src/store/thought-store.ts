/**
 * Sealed reasoning of answers with tool calls. Invariants: every statement names the tenant; what has expired is
 * unknown at once, whenever it is swept out; `keep` resolves when the row is committed.
 */
import type { Database } from "./database.ts";
import { createGroupCommit } from "./group-commit.ts";
import { integerColumn, textColumn } from "./row.ts";

export interface SealedThoughts {
  readonly tenantId: string;
  readonly name: string;
  readonly sealed: string;
  readonly expiresAtMs: number;
}

export interface ThoughtStore {
  /** Durable when it resolves. A name the tenant has already is overwritten. */
  keep(thoughts: SealedThoughts): Promise<void>;
  /** Those of the names that are there, in no order. */
  find(tenantId: string, names: readonly string[]): Promise<readonly SealedThoughts[]>;
  /** Sweeps out what has expired, and of the rest the oldest past `rowsMax`. Gives how many. */
  purge(rowsMax: number): Promise<number>;
}

/** Names of one statement: databases bound its parameters. */
const NAMES_MAX = 500;
/** Rows deleted by one statement, so that a sweep holds SQLite's one write lock for milliseconds only. */
const SWEEP_ROWS = 1000;

export function createThoughtStore(database: Database, now: () => number): ThoughtStore {
  const { sql } = database;
  return {
    keep: createGroupCommit<SealedThoughts>((batch) => insert(database, batch)),
    async find(tenantId, names) {
      const found: SealedThoughts[] = [];
      for (let at = 0; at < names.length; at += NAMES_MAX) {
        const rows = await sql`
          SELECT * FROM turn_thoughts WHERE tenant_id = ${tenantId}
          AND name IN ${sql.list(names.slice(at, at + NAMES_MAX))} AND expires_at > ${now()}`;
        for (const row of rows) {
          const [name, sealed] = [textColumn(row, "name"), textColumn(row, "sealed")];
          found.push({ tenantId, name, sealed, expiresAtMs: integerColumn(row, "expires_at") });
        }
      }
      return found;
    },
    async purge(rowsMax) {
      const [tooMany] = await sql`
        SELECT expires_at FROM turn_thoughts ORDER BY expires_at DESC LIMIT 1 OFFSET ${rowsMax}`;
      const untilMs = Math.max(now(), tooMany ? integerColumn(tooMany, "expires_at") : 0);
      let total = 0;
      for (;;) {
        const removed = await sql`
          DELETE FROM turn_thoughts WHERE (tenant_id, name) IN
          (SELECT tenant_id, name FROM turn_thoughts WHERE expires_at <= ${untilMs} LIMIT ${SWEEP_ROWS})`;
        total += removed.count;
        if (removed.count < SWEEP_ROWS) return total;
      }
    },
  };
}

/** PostgreSQL refuses to write one row twice in a statement, so of equal names only the last is given to it. */
async function insert({ sql }: Database, batch: readonly SealedThoughts[]): Promise<void> {
  const byKey = new Map(batch.map((entry) => [JSON.stringify([entry.tenantId, entry.name]), entry]));
  const rows = [...byKey.values()].map(({ tenantId, name, sealed, expiresAtMs }) => ({
    tenant_id: tenantId,
    name,
    sealed,
    expires_at: expiresAtMs,
  }));
  await sql`INSERT INTO turn_thoughts ${sql.rows(rows)} ON CONFLICT (tenant_id, name) DO UPDATE SET
    sealed = excluded.sealed, expires_at = excluded.expires_at`;
}
