/** Keys in the database: made, changed and listed. Every change is one transaction. */
import { Failure } from "#model/failure.ts";
import type { Database, Sql } from "./database.ts";
import { toKeyRecord } from "./key-row.ts";
import { createSecret, type NewSecret } from "./key-secret.ts";
import type { CreatedKey, KeyFilter, KeyRecord, KeyStore, NewKey } from "./key-store.ts";
import { checkNewKey } from "./new-key.ts";
import { integerColumn } from "./row.ts";

export type KeyTable = Pick<KeyStore, "create" | "deactivate" | "rotate" | "list" | "show">;

export interface KeyTableOptions {
  readonly database: Database;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

const ID_BYTES = 12;

export function createKeyTable({ database, now, randomBytes }: KeyTableOptions): KeyTable {
  const issue = async (sql: Sql, key: NewKey, rotatedFrom?: string): Promise<CreatedKey> => {
    const secret = createSecret(randomBytes);
    const id = `key_${Buffer.from(randomBytes(ID_BYTES)).toString("hex")}`;
    const row = { id, ...toRow(key, secret), created_at: now(), rotated_from: rotatedFrom ?? null };
    await sql`INSERT INTO api_keys ${sql.rows([row])}`;
    return { key: await readKey(sql, id), secret: secret.secret };
  };

  return {
    async create(key) {
      checkNewKey(key, now());
      return database.transaction(async (sql) => {
        await ensureTenant(sql, key.tenantId, now());
        return issue(sql, key);
      });
    },

    deactivate: (keyId) =>
      database.transaction(async (sql) => {
        await sql`UPDATE api_keys SET is_active = 0, revoked_at = ${now()} WHERE id = ${keyId} AND is_active = 1`;
        return readKey(sql, keyId);
      }),

    rotate: (keyId, { graceMs = 0 } = {}) =>
      database.transaction(async (sql) => {
        const nowMs = now();
        const isRotatable = sql.part`is_active = 1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${nowMs})`;
        const old = await readKey(sql, keyId);
        // The condition is in the statement, so that of two rotations at once only one goes through.
        const stopped =
          graceMs > 0
            ? await sql`
                UPDATE api_keys SET expires_at = ${earlier(old.expiresAtMs, nowMs + graceMs)}, revoked_at = ${nowMs}
                WHERE id = ${keyId} AND ${isRotatable}`
            : await sql`
                UPDATE api_keys SET is_active = 0, revoked_at = ${nowMs}
                WHERE id = ${keyId} AND ${isRotatable}`;
        if (stopped.count === 0) throw notRotatable(keyId);
        return issue(sql, old, keyId);
      }),

    list: (filter = {}) => readKeys(database.sql, filter, now()),
    show: (keyId) => readKey(database.sql, keyId),
  };
}

/** A key may be made for a tenant nobody has heard of yet, but not for one that was switched off. */
async function ensureTenant(sql: Sql, tenantId: string, nowMs: number): Promise<void> {
  const row = { id: tenantId, name: tenantId, created_at: nowMs };
  await sql`INSERT INTO tenants ${sql.rows([row])} ON CONFLICT (id) DO NOTHING`;
  const [tenant] = await sql`SELECT is_active FROM tenants WHERE id = ${tenantId}`;
  if (tenant && integerColumn(tenant, "is_active") === 1) return;
  throw new Failure("bad_request", `Tenant ${tenantId} is switched off: enable it first.`, {
    code: "tenant_inactive",
  });
}

function toRow(key: NewKey, secret: NewSecret) {
  const { requestsPerMinute, requestsPerDay, tokensPerMinute, concurrencyMax, budget } = key.limits ?? {};
  return {
    tenant_id: key.tenantId,
    key_hash: secret.hash,
    key_prefix: secret.prefix,
    description: key.description ?? null,
    rate_limit_rpm: requestsPerMinute ?? null,
    rate_limit_rpd: requestsPerDay ?? null,
    rate_limit_tpm: tokensPerMinute ?? null,
    concurrency_max: concurrencyMax ?? null,
    budget_nano_usd: budget?.limitNanoUsd ?? null,
    budget_period: budget?.period ?? null,
    models_allowed: key.modelsAllowed ? JSON.stringify(key.modelsAllowed) : null,
    is_active: 1,
    expires_at: key.expiresAtMs ?? null,
  };
}

async function readKey(sql: Sql, keyId: string): Promise<KeyRecord> {
  const [row] = await sql`SELECT * FROM api_keys WHERE id = ${keyId}`;
  if (row) return toKeyRecord(row);
  throw new Failure("not_found", "No key has this id: `xjp keys list` shows them.", {
    code: "key_not_found",
  });
}

async function readKeys(sql: Sql, filter: KeyFilter, nowMs: number): Promise<readonly KeyRecord[]> {
  const ofTenant = filter.tenantId === undefined ? sql.part`1 = 1` : sql.part`tenant_id = ${filter.tenantId}`;
  const usable = filter.onlyUsable
    ? sql.part`is_active = 1 AND (expires_at IS NULL OR expires_at > ${nowMs})`
    : sql.part`1 = 1`;
  const rows = await sql`
    SELECT * FROM api_keys WHERE ${ofTenant} AND ${usable} ORDER BY created_at DESC, id`;
  return rows.map(toKeyRecord);
}

function earlier(left: number | undefined, right: number): number {
  return left === undefined ? right : Math.min(left, right);
}

function notRotatable(keyId: string): Failure {
  return new Failure(
    "bad_request",
    `Key ${keyId} is revoked, rotated or expired: create a new key instead.`,
    {
      code: "key_not_rotatable",
    },
  );
}
