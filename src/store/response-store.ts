/**
 * Stored answers of the Responses API. Invariants: every statement names the tenant, so an id of another tenant is
 * unknown; what has expired is unknown at once, whenever it is swept out; `keep` resolves when the row is committed.
 */
import type { Database } from "./database.ts";
import { createGroupCommit } from "./group-commit.ts";
import { integerColumn, optionalText, textColumn, type Row } from "./row.ts";

export interface StoredResponse {
  readonly tenantId: string;
  readonly id: string;
  readonly previousId?: string;
  /** Whose upstream keeps the state as well, and has to be asked about it. */
  readonly connector?: string;
  /** The logical model asked for. */
  readonly model: string;
  /** JSON: what was new in the input, as a list of items. */
  readonly inputText: string;
  /** JSON: the Response object. */
  readonly responseText: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface ResponseStore {
  /** Durable when it resolves. An id the tenant has already is overwritten. */
  keep(response: StoredResponse): Promise<void>;
  /** The same for an answer whose keeping nobody asked for in words: never rejects, and waits for no dead database. */
  tryKeep(response: StoredResponse): Promise<void>;
  find(tenantId: string, id: string): Promise<StoredResponse | undefined>;
  /** The answer and all before it, oldest first; none where it is unknown, expired, or a part of the chain is gone. */
  chain(tenantId: string, id: string): Promise<readonly StoredResponse[]>;
  /** Whether there was one to remove. */
  remove(tenantId: string, id: string): Promise<boolean>;
  /** Sweeps out what has expired. Gives how many. */
  purge(): Promise<number>;
}

/** Longest conversation that is put together again; past it, it must be begun anew. */
const CHAIN_MAX = 1000;

export interface ResponseStoreOptions {
  readonly database: Database;
  readonly now: () => number;
  /** An answer that `tryKeep` could not keep. */
  readonly onFailure: (error: unknown) => void;
}

/** After a failure, how long `tryKeep` does not even try: answers must not wait for a database that is down. */
const REST_MS = 5_000;

export function createResponseStore({ database, now, onFailure }: ResponseStoreOptions): ResponseStore {
  const { sql } = database;
  const keep = createGroupCommit<StoredResponse>((batch) => insert(database, batch));
  let restUntilMs = 0;

  return {
    keep,
    async tryKeep(response) {
      if (now() < restUntilMs) return;
      try {
        await keep(response);
      } catch (error) {
        restUntilMs = now() + REST_MS;
        onFailure(error);
      }
    },
    async find(tenantId, id) {
      const [row] = await sql`
        SELECT * FROM stored_responses
        WHERE tenant_id = ${tenantId} AND id = ${id} AND expires_at > ${now()}`;
      return row && toResponse(row);
    },
    async chain(tenantId, id) {
      const nowMs = now();
      const rows = await sql`
        WITH RECURSIVE chain AS (
          SELECT s.*, 1 AS depth FROM stored_responses s
          WHERE s.tenant_id = ${tenantId} AND s.id = ${id} AND s.expires_at > ${nowMs}
          UNION ALL
          SELECT s.*, c.depth + 1 FROM stored_responses s JOIN chain c
          ON s.tenant_id = c.tenant_id AND s.id = c.previous_id
          WHERE s.expires_at > ${nowMs} AND c.depth < ${CHAIN_MAX}
        ) SELECT * FROM chain ORDER BY depth DESC`;
      const responses = rows.map(toResponse);
      return responses[0]?.previousId === undefined ? responses : [];
    },
    async remove(tenantId, id) {
      const removed = await sql`
        DELETE FROM stored_responses WHERE tenant_id = ${tenantId} AND id = ${id} AND expires_at > ${now()}`;
      return removed.count > 0;
    },
    async purge() {
      const removed = await sql`DELETE FROM stored_responses WHERE expires_at <= ${now()}`;
      return removed.count;
    },
  };
}

/** PostgreSQL refuses to write one row twice in a statement, so of equal ids only the last is given to it. */
async function insert({ sql }: Database, batch: readonly StoredResponse[]): Promise<void> {
  const byKey = new Map(
    batch.map((response) => [JSON.stringify([response.tenantId, response.id]), response]),
  );
  const rows = [...byKey.values()].map(toRow);
  await sql`INSERT INTO stored_responses ${sql.rows(rows)} ON CONFLICT (tenant_id, id) DO UPDATE SET
    previous_id = excluded.previous_id, connector = excluded.connector, model = excluded.model,
    input = excluded.input, response = excluded.response,
    created_at = excluded.created_at, expires_at = excluded.expires_at`;
}

function toRow(response: StoredResponse) {
  return {
    tenant_id: response.tenantId,
    id: response.id,
    previous_id: response.previousId ?? null,
    connector: response.connector ?? null,
    model: response.model,
    input: response.inputText,
    response: response.responseText,
    created_at: response.createdAtMs,
    expires_at: response.expiresAtMs,
  };
}

function toResponse(row: Row): StoredResponse {
  const previousId = optionalText(row, "previous_id");
  const connector = optionalText(row, "connector");
  return {
    tenantId: textColumn(row, "tenant_id"),
    id: textColumn(row, "id"),
    ...(previousId !== undefined && { previousId }),
    ...(connector !== undefined && { connector }),
    model: textColumn(row, "model"),
    inputText: textColumn(row, "input"),
    responseText: textColumn(row, "response"),
    createdAtMs: integerColumn(row, "created_at"),
    expiresAtMs: integerColumn(row, "expires_at"),
  };
}
