/** Where rows go for good: the part of the usage store that the ledger needs to write. */
import { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";

export interface UsageSink {
  /** Idempotent by id, all or nothing. Throws `unavailable` where trying again later can help. */
  insert(records: readonly UsageRecord[]): Promise<void>;
}

/** A row the database understood and does not take. It must not hold up the rows behind it. */
export interface RefusedRow {
  readonly record: UsageRecord;
  readonly failure: Failure;
}

/**
 * Inserts a batch; if the database refuses it, its rows one by one, so that only the refused ones are left over.
 * They are given back, to be kept elsewhere. What may pass on another try is thrown.
 */
export async function insertSparing(
  sink: UsageSink,
  records: readonly UsageRecord[],
): Promise<readonly RefusedRow[]> {
  try {
    await sink.insert(records);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  const refused: RefusedRow[] = [];
  for (const record of records) {
    try {
      await sink.insert([record]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push({ record, failure: error });
    }
  }
  return refused;
}

function isRefusal(error: unknown): error is Failure {
  return error instanceof Failure && error.kind === "internal" && error.detail.code === "store_refused";
}
