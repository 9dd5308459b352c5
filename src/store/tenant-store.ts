/** Tenants: who owns keys and is billed. Switching one off stops all its keys, as fast as revoking them would. */
import { Failure } from "#model/failure.ts";
import type { Database, Sql } from "./database.ts";
import { checkTenantId, checkText } from "./new-key.ts";
import { integerColumn, textColumn, type Row } from "./row.ts";

export interface TenantStore {
  /** Throws `bad_request`, code `tenant_exists`. */
  create(tenant: { readonly id: string; readonly name?: string }): Promise<Tenant>;
  /** By id. */
  list(): Promise<readonly Tenant[]>;
  /** Throws `not_found`, code `tenant_not_found`, as does `setActive`. */
  show(tenantId: string): Promise<Tenant>;
  setActive(tenantId: string, isActive: boolean): Promise<Tenant>;
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly createdAtMs: number;
  /** Keys that are switched on. */
  readonly activeKeys: number;
}

export function createTenantStore({ database, now }: { database: Database; now: () => number }): TenantStore {
  const { sql } = database;
  return {
    async create({ id, name = id }) {
      checkTenantId(id);
      checkText("name", name);
      const row = { id, name, created_at: now() };
      const inserted = await sql`INSERT INTO tenants ${sql.rows([row])} ON CONFLICT (id) DO NOTHING`;
      if (inserted.count === 0) {
        throw new Failure("bad_request", `Tenant ${id} exists already.`, { code: "tenant_exists" });
      }
      return readTenant(sql, id);
    },

    async list() {
      const rows = await sql`${tenantColumns(sql)} ORDER BY tenants.id`;
      return rows.map(toTenant);
    },

    show: (tenantId) => readTenant(sql, tenantId),

    async setActive(tenantId, isActive) {
      await sql`UPDATE tenants SET is_active = ${isActive ? 1 : 0} WHERE id = ${tenantId}`;
      return readTenant(sql, tenantId);
    },
  };
}

async function readTenant(sql: Sql, tenantId: string): Promise<Tenant> {
  const [row] = await sql`${tenantColumns(sql)} WHERE tenants.id = ${tenantId}`;
  if (row) return toTenant(row);
  throw new Failure("not_found", "No tenant has this id: `xjp tenants list` shows them.", {
    code: "tenant_not_found",
  });
}

function tenantColumns(sql: Sql) {
  return sql.part`
    SELECT tenants.*,
      (SELECT COUNT(*) FROM api_keys WHERE tenant_id = tenants.id AND api_keys.is_active = 1) AS active_keys
    FROM tenants`;
}

function toTenant(row: Row): Tenant {
  return {
    id: textColumn(row, "id"),
    name: textColumn(row, "name"),
    isActive: integerColumn(row, "is_active") === 1,
    createdAtMs: integerColumn(row, "created_at"),
    activeKeys: integerColumn(row, "active_keys"),
  };
}
