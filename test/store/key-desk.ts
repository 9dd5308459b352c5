/** A key store with a clock that stands still until it is moved. */
import type { Database } from "#store/database.ts";
import { createKeyStore, type KeyStore } from "#store/key-store.ts";

export const START_MS = Date.UTC(2026, 0, 1);

export interface Desk {
  readonly database: Database;
  readonly clock: { nowMs: number };
  readonly store: KeyStore;
  readonly failures: unknown[];
}

export function createDesk(database: Database, clock = { nowMs: START_MS }): Desk {
  const failures: unknown[] = [];
  const store = createKeyStore({
    database,
    now: () => clock.nowMs,
    onFailure: (error) => failures.push(error),
  });
  return { database, clock, store, failures };
}
