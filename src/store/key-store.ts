/**
 * Keys: who may call. The gateway verifies through this, the command line and the admin API manage through it.
 * Invariants:
 * - The secret is shown once, by `create` and `rotate`; only its SHA-256 is stored or kept in memory.
 * - `verify` and `touch` never touch the database while the key is known and fresh.
 * - A revoked key stops, and a new one works, on every process within a second of the change.
 * - While the database is down, known keys keep working and unknown ones are `unavailable`, never refused.
 */
import type { Caller, Limits } from "#model/caller.ts";
import type { Database } from "./database.ts";
import { createKeyCache } from "./key-cache.ts";
import { createKeyTable } from "./key-table.ts";
import { createKeyTouch } from "./key-touch.ts";

export interface KeyStore {
  /**
   * Answers at once where the key is known and fresh, so check for a promise before awaiting. Throws (or rejects
   * with) a `Failure` whose `detail.code` is
   * `invalid_api_key_format` or `invalid_api_key` (unauthenticated), `key_inactive` or `key_expired` (forbidden), or
   * `store_unavailable` (unavailable).
   */
  verify(secret: string): Caller | Promise<Caller>;
  /** Remembers that the key was used now; written in batches. */
  touch(keyId: string): void;
  /** Writes what `touch` remembered. To be called every few seconds, and by `close`. */
  flush(): Promise<void>;
  /** Creates the tenant too where it does not exist. */
  create(key: NewKey): Promise<CreatedKey>;
  /** Throws `not_found`, code `key_not_found`. A key that is inactive already stays as it was. */
  deactivate(keyId: string): Promise<KeyRecord>;
  /** A new secret under a new key id with the same limits. The old key stops now, or after `graceMs`. */
  rotate(keyId: string, options?: { readonly graceMs?: number }): Promise<CreatedKey>;
  /** Newest first. */
  list(filter?: KeyFilter): Promise<readonly KeyRecord[]>;
  /** By id. Throws `not_found`, code `key_not_found`. */
  show(keyId: string): Promise<KeyRecord>;
  close(): Promise<void>;
}

/** A key as people see it. */
export interface KeyRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly keyPrefix: string;
  readonly description?: string;
  readonly limits: Limits;
  readonly modelsAllowed?: readonly string[];
  readonly isActive: boolean;
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly lastUsedAtMs?: number;
  readonly revokedAtMs?: number;
  readonly rotatedFrom?: string;
}

export interface NewKey {
  readonly tenantId: string;
  readonly description?: string;
  readonly limits?: Limits;
  readonly modelsAllowed?: readonly string[];
  readonly expiresAtMs?: number;
}

export interface CreatedKey {
  readonly key: KeyRecord;
  /** To be shown once and then forgotten. */
  readonly secret: string;
}

export interface KeyFilter {
  readonly tenantId?: string;
  /** Leaves out revoked and expired keys. */
  readonly onlyUsable?: boolean;
}

export interface KeyStoreOptions {
  readonly database: Database;
  readonly now: () => number;
  readonly randomBytes?: (count: number) => Uint8Array;
  /** Told of failures behind the scenes: a look that kept an old answer, a batch of `touch` that will be retried. */
  readonly onFailure?: (error: unknown) => void;
}

export function createKeyStore(options: KeyStoreOptions): KeyStore {
  const { database, now, onFailure } = options;
  const randomBytes = options.randomBytes ?? secureRandomBytes;
  const table = createKeyTable({ database, now, randomBytes });
  const cache = createKeyCache({ database, now, onFailure });
  const uses = createKeyTouch({ database, now, onFailure });
  return {
    verify: (secret) => cache.verify(secret),
    touch: (keyId) => uses.touch(keyId),
    flush: () => uses.flush(),
    close: () => uses.flush(),
    create: (key) => table.create(key),
    list: (filter) => table.list(filter),
    show: (keyId) => table.show(keyId),
    async deactivate(keyId) {
      const key = await table.deactivate(keyId);
      cache.forget(keyId);
      return key;
    },
    async rotate(keyId, rotation) {
      const created = await table.rotate(keyId, rotation);
      cache.forget(keyId);
      return created;
    },
  };
}

function secureRandomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
