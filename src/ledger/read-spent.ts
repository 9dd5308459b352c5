/**
 * What a key has used, for the limiter that meets it first. Rows settled but still in the journal are written to SQL
 * before the sums are read, so the answer is exact; where the database is down it is refused, not guessed.
 */
import type { UsageStore } from "#store/usage-store.ts";
import type { Writer } from "./writer.ts";

export interface SpentQuery {
  readonly keyId: string;
  /** Start of the UTC day. */
  readonly daySinceMs: number;
  /** Start of the budget's period (0: for ever). */
  readonly budgetSinceMs: number;
}

export interface Spent {
  readonly requestsToday: number;
  readonly spentNanoUsd: bigint;
}

/** Throws `unavailable`. Matches the limiter's `Restore`. */
export function createSpentReader(
  writer: Pick<Writer, "flush">,
  store: Pick<UsageStore, "spentNanoUsd" | "requestsSince">,
): (query: SpentQuery) => Promise<Spent> {
  return async ({ keyId, daySinceMs, budgetSinceMs }) => {
    await writer.flush();
    const [requestsToday, spentNanoUsd] = await Promise.all([
      store.requestsSince(keyId, daySinceMs),
      store.spentNanoUsd(keyId, budgetSinceMs),
    ]);
    return { requestsToday, spentNanoUsd };
  };
}
