/**
 * The usage table: what the ledger writes and people ask for. Rows are inserted once by their id, whatever is tried
 * again; sums take money and tokens from request rows only, because a request's are the sum of its attempts'.
 */
import type { UsageRecord } from "#model/usage-record.ts";

export interface UsageStore {
  /** Idempotent by id: a row that is there already stays as it is. All or nothing per call. */
  insert(records: readonly UsageRecord[]): Promise<void>;
  summarise(query: UsageQuery): Promise<readonly UsageSummary[]>;
  /**
   * What the key's requests since then cost, those of the keys it was rotated from included, so that a new secret is
   * no new budget.
   */
  spentNanoUsd(keyId: string, sinceMs: number): Promise<bigint>;
  /** The key's admitted requests since then: those refused by a limit do not count. */
  requestsSince(keyId: string, sinceMs: number): Promise<number>;
}

export const usageGroups = ["model", "key", "day", "target", "tenant"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageQuery {
  readonly by: UsageGroup;
  readonly sinceMs: number;
  /** Exclusive. */
  readonly untilMs?: number;
  readonly tenantId?: string;
  readonly keyId?: string;
}

export interface UsageSummary {
  /** The model, key id, tenant, target, or UTC day as `2025-01-31`. Absent for requests that reached no target. */
  readonly group?: string;
  readonly requests: number;
  readonly attempts: number;
  readonly requestsNotOk: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  /** Requests that reached an upstream whose price is unknown; their cost is missing above. */
  readonly costUnknownRequests: number;
}
