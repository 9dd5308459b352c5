/**
 * Finds keys by hash with few statements: one flight per hash, and hashes that arrive while statements are running
 * leave together in the next one. So a flood of made-up keys costs a bounded number of statements and a bounded
 * queue, whatever its rate.
 */
import type { Database, Sql, SqlPart } from "./database.ts";
import { toKeyState, type KeyState } from "./key-row.ts";
import { textColumn } from "./row.ts";
import { unavailable } from "./store-failure.ts";

export type KeyLookup = (hash: string) => Promise<KeyState | undefined>;

/** A caller is waiting, or will be told the last answer. */
const LOOKUP_TIMEOUT_MS = 2000;
const BATCH_KEYS_MAX = 512;
const BATCHES_RUNNING_MAX = 4;
const WAITING_KEYS_MAX = 8192;

type Flight = PromiseWithResolvers<KeyState | undefined>;

export function createKeyLookup(database: Database): KeyLookup {
  const flights = new Map<string, Flight>();
  const waiting: string[] = [];
  let running = 0;

  const runBatches = async () => {
    running += 1;
    while (waiting.length > 0) await runBatch(waiting.splice(0, BATCH_KEYS_MAX));
    running -= 1;
  };

  const runBatch = async (hashes: readonly string[]) => {
    try {
      const found = await readKeys(database, hashes);
      for (const hash of hashes) land(hash)?.resolve(found.get(hash));
    } catch (error) {
      for (const hash of hashes) land(hash)?.reject(error);
    }
  };

  const land = (hash: string): Flight | undefined => {
    const flight = flights.get(hash);
    flights.delete(hash);
    return flight;
  };

  return (hash) => {
    const inFlight = flights.get(hash);
    if (inFlight) return inFlight.promise;
    if (waiting.length >= WAITING_KEYS_MAX) return Promise.reject(unavailable());
    const flight: Flight = Promise.withResolvers();
    flights.set(hash, flight);
    waiting.push(hash);
    // `runBatches` cannot reject: every error lands on the flights it concerns.
    if (running < BATCHES_RUNNING_MAX) void runBatches();
    return flight.promise;
  };
}

async function readKeys(database: Database, hashes: readonly string[]): Promise<Map<string, KeyState>> {
  const sql = database.within(LOOKUP_TIMEOUT_MS);
  const rows = await sql`
    SELECT api_keys.*, tenants.is_active AS tenant_is_active, ${firstOfLine(sql)} AS limits_key_id
    FROM api_keys JOIN tenants ON tenants.id = api_keys.tenant_id
    WHERE api_keys.key_hash IN ${sql.list(padded(hashes))}`;
  return new Map(rows.map((row) => [textColumn(row, "key_hash"), toKeyState(row)]));
}

/** A secret a year, each good for a thousand years. */
const ROTATIONS_MAX = 1000;

/** The key at the root of the rotations that led to this one, also where its own row is gone; NULL for a key of its own. */
function firstOfLine(sql: Sql): SqlPart {
  return sql.part`
    CASE WHEN api_keys.rotated_from IS NOT NULL THEN (
      WITH RECURSIVE line (id, depth) AS (
        SELECT api_keys.rotated_from, 1
        UNION ALL
        SELECT earlier.rotated_from, line.depth + 1 FROM api_keys AS earlier JOIN line ON earlier.id = line.id
        WHERE earlier.rotated_from IS NOT NULL AND line.depth < ${ROTATIONS_MAX}
      )
      SELECT line.id FROM line ORDER BY line.depth DESC LIMIT 1
    ) END`;
}

/** Repeats the last hash up to a power of two, so that ten prepared statements serve every batch size. */
function padded(hashes: readonly string[]): readonly string[] {
  const size = 2 ** Math.ceil(Math.log2(hashes.length));
  return [...hashes, ...Array.from({ length: size - hashes.length }, () => hashes.at(-1) ?? "")];
}
