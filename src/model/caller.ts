/** Who calls: a tenant's key, as verified. Everything a request may be judged by, nothing secret. */

export interface Caller {
  readonly keyId: string;
  readonly tenantId: string;
  /** The first characters of the secret, for people: `XJP_ab12cd`. */
  readonly keyPrefix: string;
  readonly limits: Limits;
  /** The first key of a line of rotations, whose limits all of them share; absent: this key. */
  readonly limitsKeyId?: string;
  /** Logical models the key may use; absent: all. */
  readonly modelsAllowed?: readonly string[];
}

/** Absent: unlimited. */
export interface Limits {
  readonly requestsPerMinute?: number;
  /** Per UTC day. */
  readonly requestsPerDay?: number;
  readonly tokensPerMinute?: number;
  readonly concurrencyMax?: number;
  readonly budget?: Budget;
}

export interface Budget {
  readonly limitNanoUsd: bigint;
  /** UTC calendar day, UTC calendar month, or for ever. */
  readonly period: BudgetPeriod;
}
export type BudgetPeriod = "day" | "month" | "total";
