/**
 * Brings the schema up to date. Everything happens in one transaction under one lock (PostgreSQL: an advisory lock
 * that ends with the transaction; SQLite: BEGIN IMMEDIATE), so any number of processes may start at once and each
 * finds either nothing done or everything. A database that is newer than the code, or was made by another text of an
 * applied migration, is refused untouched.
 */
import { Failure } from "#model/failure.ts";
import type { Database, Sql } from "./database.ts";
import { migrations as allMigrations, type Migration } from "./migrations.ts";
import { integerColumn, optionalInteger, textColumn } from "./row.ts";

/** Gives the migrations it applied. */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = allMigrations,
): Promise<readonly Migration[]> {
  // A quick look without the lock keeps a normal start from waiting for a writer.
  const before = await migrationStatus(database, migrations);
  if (before.pending.length === 0) return [];
  const work = async (sql: Sql) => {
    if (database.dialect === "postgres") await sql`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
    await sql.script(MIGRATIONS_TABLE);
    const pending = pendingOf(migrations, await readApplied(sql));
    for (const migration of pending) await apply(sql, migration);
    return pending;
  };
  return database.transaction(work, { isUnbounded: true });
}

export interface MigrationStatus {
  readonly applied: readonly AppliedMigration[];
  readonly pending: readonly Migration[];
}

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** What has been applied and what is missing, changing nothing. Throws where `migrate` would refuse. */
export async function migrationStatus(
  database: Database,
  migrations: readonly Migration[] = allMigrations,
): Promise<MigrationStatus> {
  const applied = (await hasMigrationsTable(database)) ? await readApplied(database.sql) : [];
  return { applied, pending: pendingOf(migrations, applied) };
}

/** Any constant will do, as long as every version of the gateway uses the same. */
const ADVISORY_LOCK = 758_471_201;
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL
)`;

async function apply(sql: Sql, migration: Migration): Promise<void> {
  await sql.script(migration.text);
  const { version, name } = migration;
  await sql`INSERT INTO schema_migrations ${sql.rows([{ version, name, checksum: checksumOf(migration) }])}`;
}

function pendingOf(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  for (const { version, name, checksum } of applied) {
    const known = migrations.find((migration) => migration.version === version);
    if (!known) throw newerDatabase(version);
    if (checksumOf(known) !== checksum) throw changedMigration(version, name);
  }
  const done = new Set(applied.map(({ version }) => version));
  return migrations.filter(({ version }) => !done.has(version));
}

/** Line ends are not content: a checkout on Windows may have turned them. */
function checksumOf(migration: Migration): string {
  return new Bun.CryptoHasher("sha256").update(migration.text.replaceAll("\r\n", "\n")).digest("hex");
}

async function readApplied(sql: Sql): Promise<readonly AppliedMigration[]> {
  const rows = await sql`SELECT version, name, checksum FROM schema_migrations ORDER BY version`;
  return rows.map((row) => ({
    version: integerColumn(row, "version"),
    name: textColumn(row, "name"),
    checksum: textColumn(row, "checksum"),
  }));
}

async function hasMigrationsTable({ dialect, sql }: Database): Promise<boolean> {
  if (dialect === "sqlite") {
    const found =
      await sql`SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'`;
    return found.length > 0;
  }
  const [row] =
    await sql`SELECT CASE WHEN to_regclass('schema_migrations') IS NULL THEN 0 ELSE 1 END AS found`;
  return row !== undefined && optionalInteger(row, "found") === 1;
}

function newerDatabase(version: number): Failure {
  return new Failure(
    "internal",
    `The database has migration ${version}, which this version does not know: start a newer version of xjp.`,
    { code: "database_newer" },
  );
}

function changedMigration(version: number, name: string): Failure {
  return new Failure(
    "internal",
    `Migration ${version} (${name}) was applied with another text: start the version of xjp that made this database.`,
    { code: "migration_changed" },
  );
}
