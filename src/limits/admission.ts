/**
 * What the gate says and promises: the types the request path sees. The mechanisms behind them
 * (token-bucket, day-window, concurrency, budget) stay inside this folder.
 */
import type { Caller } from "#model/caller.ts";

export interface Limiter {
  /**
   * Takes one request and one slot, or throws `rate_limited` with a truthful `retryAfterMs` (codes `rpm`, `rpd`,
   * `concurrency`). Synchronous once the key's state is loaded; a promise while spent money and today's requests
   * are read back from the ledger, `unavailable` if they cannot be. A refused request costs nothing. `nowMs` also
   * decides which budget period pays: give the time that becomes the row's `createdAtMs`.
   */
  admit(caller: Caller, nowMs: number): Admission | Promise<Admission>;
  /** For the rate headers of a request that was not let in; undefined while the key's state is not loaded. */
  rateLimit(caller: Caller, nowMs: number): RateLimit | undefined;
  /** Keys whose state is held in memory. */
  readonly keysLoaded: number;
  /** What a key uses now, for tests; undefined while it is not loaded. Rotated keys are one, under the first one's id. */
  peek(keyId: string, nowMs: number): KeyUse | undefined;
}

export interface KeyUse {
  readonly inFlight: number;
  readonly remainingRequestsThisMinute?: number;
  readonly remainingRequestsToday?: number;
  readonly remainingTokensThisMinute?: number;
  readonly spentNanoUsd?: bigint;
  readonly heldNanoUsd?: bigint;
}

/** One request inside the gate. Dispose it exactly where the request ends; doing so twice is harmless. */
export interface Admission extends Disposable {
  /** For rate headers: the state right after this request was taken. Absent fields: no such limit. */
  readonly rateLimit: RateLimit;
  /**
   * Holds the request's worst case, before any upstream is asked. Throws `rate_limited` (code `tpm`), `over_budget`
   * or `price_unknown`, and then refunds the request as well. Called again (a dearer target) it replaces the hold;
   * if that is refused, the first hold stays.
   */
  reserve(worstCase: WorstCase, nowMs: number): void;
  /**
   * Replaces the hold by what really happened. Call it in the same turn as `journal.settle`, so that a restore
   * sees a request either in the ledger or in the counters. An unknown cost counts as nothing, as in the ledger.
   */
  settle(actual: Actual, nowMs: number): void;
  /**
   * The request was refused before any upstream: it does not count for the day, as its row does not. Its place in the
   * minute stays taken. Reading and refusing a body is work, and a flood of bad ones must meet a limit.
   */
  refund(): void;
  /** Returns the slot and whatever hold was not settled. */
  [Symbol.dispose](): void;
}

export interface RateLimit {
  /** Of RPM and RPD the one with fewer requests left. */
  readonly limitRequests?: number;
  readonly remainingRequests?: number;
  /** Until that limit is whole again. */
  readonly resetRequestsMs?: number;
  readonly limitTokens?: number;
  readonly remainingTokens?: number;
  readonly resetTokensMs?: number;
}

export interface WorstCase {
  /** Prompt estimate plus the output bound. */
  readonly tokens: number;
  /** Absent: no price is known. */
  readonly costNanoUsd?: number;
  /** What earlier attempts of this request have cost already: held beside the worst case of the next. */
  readonly owedNanoUsd?: number;
}

export interface Actual {
  /** Prompt and output tokens of every attempt. Absent: not reported, the estimate stands. */
  readonly tokens?: number;
  readonly costNanoUsd?: number;
}

/** What a key used before this process knew it, read from the ledger. */
export interface Restored {
  readonly requestsToday: number;
  readonly spentNanoUsd: bigint;
}

export interface RestoreQuery {
  readonly keyId: string;
  /** Start of the UTC day. */
  readonly daySinceMs: number;
  /** Start of the budget's period (0: for ever). */
  readonly budgetSinceMs: number;
}

/** Throws `unavailable` where the ledger cannot be read: money is not guessed. */
export type Restore = (query: RestoreQuery) => Promise<Restored>;
