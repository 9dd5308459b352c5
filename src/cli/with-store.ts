/** Opens the stores a command works on, and closes them whatever happens. */
import { readDatabaseUrl } from "#config/database-url.ts";
import { openDatabase, type Database } from "#store/database.ts";
import { createKeyStore, type KeyStore } from "#store/key-store.ts";
import { createTenantStore, type TenantStore } from "#store/tenant-store.ts";
import type { Io } from "./command.ts";
import { namingDatabase } from "./naming-database.ts";

const DATABASE_URL_DEFAULT = "sqlite:./data/xjp.db";

export interface Stores {
  readonly database: Database;
  readonly keys: KeyStore;
  readonly tenants: TenantStore;
}

export async function withStores<T>(
  given: string | undefined,
  io: Io,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const url = databaseUrl(given, io.env);
  return namingDatabase(url, async () => {
    const database = await openDatabase(url);
    const now = io.now;
    try {
      return await work({
        database,
        keys: createKeyStore({ database, now }),
        tenants: createTenantStore({ database, now }),
      });
    } finally {
      await database.close();
    }
  });
}

/** `--database` wins over `DATABASE_URL`, which wins over the file `XJP_CONFIG` names, which wins over the default. */
export function databaseUrl(given: string | undefined, env: Io["env"]): string {
  const path = env["XJP_CONFIG"] || undefined;
  return given ?? (env["DATABASE_URL"] || (path && readDatabaseUrl(path, env)) || DATABASE_URL_DEFAULT);
}
