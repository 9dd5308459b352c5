/**
 * When keys were last used: kept in memory and written in batches, so that the hot path does not pay for it. Times
 * lost in a crash are the last seconds' only; the database never goes back to an earlier time.
 */
import type { Database, Sql, SqlPart } from "./database.ts";

export interface KeyTouch {
  touch(keyId: string): void;
  flush(): Promise<void>;
}

export interface KeyTouchOptions {
  readonly database: Database;
  readonly now: () => number;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

const FLUSH_AFTER_MS = 5000;
const BATCH_KEYS_MAX = 256;

export function createKeyTouch({ database, now, onFailure }: KeyTouchOptions): KeyTouch {
  let pending = new Map<string, number>();
  let flushedAtMs = now();
  let last = Promise.resolve();

  const writePending = async () => {
    const taken = pending;
    pending = new Map();
    // In the order of ids, so that two processes never wait for each other's rows crosswise.
    const uses = [...taken].sort(([left], [right]) => (left < right ? -1 : 1));
    while (uses.length > 0) {
      const batch = uses.slice(0, BATCH_KEYS_MAX);
      try {
        await writeUses(database.sql, batch);
      } catch (error) {
        for (const [keyId, usedAtMs] of uses) pending.set(keyId, Math.max(usedAtMs, pending.get(keyId) ?? 0));
        throw error;
      }
      uses.splice(0, batch.length);
    }
  };

  // One after the other, so that who waits for a flush waits for all that was touched before it.
  const flush = () => {
    flushedAtMs = now();
    last = last.then(writePending, writePending);
    return last;
  };

  return {
    flush,
    touch(keyId) {
      const nowMs = now();
      pending.set(keyId, nowMs);
      // Kept in memory when it fails, and tried again with a later use.
      if (nowMs - flushedAtMs >= FLUSH_AFTER_MS) void flush().catch((error: unknown) => onFailure?.(error));
    },
  };
}

async function writeUses(sql: Sql, uses: readonly (readonly [string, number])[]): Promise<void> {
  const values = uses.map(([keyId, usedAtMs], index): SqlPart => {
    const value = sql.part`(CAST(${keyId} AS TEXT), CAST(${usedAtMs} AS BIGINT))`;
    return index === 0 ? value : sql.part`, ${value}`;
  });
  await sql`
    UPDATE api_keys SET last_used_at = uses.column2
    FROM (VALUES ${values}) AS uses
    WHERE api_keys.id = uses.column1 AND (last_used_at IS NULL OR last_used_at < uses.column2)`;
}
