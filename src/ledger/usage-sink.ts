/** Where rows go for good: the part of the usage store that the ledger needs to write. */
import { toFailure, type Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import { encodeUsage, recordsOf } from "#store/usage-text.ts";

export interface UsageSink {
  /**
   * Takes rows as usage texts (usage-text.ts). Idempotent by id, all or nothing. Throws `unavailable` where trying again
   * later can help.
   */
  insert(texts: readonly string[]): Promise<void>;
}

/** A row the database does not take, or that breaks on its way there. It must not hold up the rows behind it. */
export interface RefusedRow {
  readonly record: UsageRecord;
  readonly failure: Failure;
}

/**
 * Inserts a batch; if it is not taken, its rows one by one, so that only the refused ones are left over.
 * They are given back, to be kept elsewhere. What may pass on another try is thrown.
 */
export async function insertSparing(
  sink: UsageSink,
  texts: readonly string[],
): Promise<readonly RefusedRow[]> {
  try {
    await sink.insert(texts);
    return [];
  } catch (error) {
    if (mayPass(toFailure(error))) throw error;
  }
  const refused: RefusedRow[] = [];
  for (const record of recordsOf(texts)) {
    try {
      await sink.insert([encodeUsage([record])]);
    } catch (error) {
      const failure = toFailure(error);
      if (mayPass(failure)) throw error;
      refused.push({ record, failure });
    }
  }
  return refused;
}

/** Everything else is this row's own: a bug that met it once would meet it for ever, before all that follow. */
function mayPass(failure: Failure): boolean {
  return failure.kind === "unavailable";
}
