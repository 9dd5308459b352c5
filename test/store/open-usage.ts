/** The usage store as tests like it: given records, not their texts. */
import type { UsageRecord } from "#model/usage-record.ts";
import type { Database } from "#store/database.ts";
import { createUsageStore } from "#store/usage-store.ts";
import { encodeUsage } from "#store/usage-text.ts";

export function openUsage(database: Database) {
  const store = createUsageStore(database);
  const insert = (records: readonly UsageRecord[]) =>
    store.insert(records.length === 0 ? [] : [encodeUsage(records)]);
  return { ...store, insert };
}
