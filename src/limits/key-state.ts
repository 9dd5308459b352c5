/**
 * All counters of one key. A request is checked against every limit before any of them is touched, so a refused one
 * costs nothing. Limits are taken as they are now: when they change, what was used stays used.
 */
import type { Mutable } from "#lib/mutable.ts";
import type { Limits } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";
import type { KeyUse, RateLimit, Restored } from "./admission.ts";
import { BudgetAccount, type Hold } from "./budget.ts";
import { Slots, type Slot } from "./concurrency.ts";
import { DayWindow } from "./day-window.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What the state must know of a request in flight to carry it into counters that are made later. */
export interface InFlight {
  readonly admittedAtMs: number;
  readonly isSettled: boolean;
  hold: Hold | undefined;
}

export interface Taken {
  readonly slot: Slot;
  /** Start of the UTC day the request counts for. */
  readonly dayStartMs: number | undefined;
}

/** Nobody can know when a slot comes free, so this one wait is a guess. */
const SLOT_RETRY_MS = 1_000;

export class KeyState {
  #limits: Limits = {};
  #minute: TokenBucket | undefined;
  #day: DayWindow | undefined;
  readonly #slots = new Slots();
  readonly inFlight = new Set<InFlight>();
  tokens: TokenBucket | undefined;
  budget: BudgetAccount | undefined;
  /** Requests settled so far: tells a restore that the ledger moved under it. */
  settledCount = 0;
  /** Requests at the door while the state is being restored. */
  waiting = 0;

  get limits(): Limits {
    return this.#limits;
  }

  /** Whether these limits need counters that only the ledger can fill. */
  needsRestore({ requestsPerDay, budget }: Limits): boolean {
    if (requestsPerDay !== undefined && this.#day === undefined) return true;
    return budget !== undefined && this.budget?.period !== budget.period;
  }

  restore({ requestsToday, spentNanoUsd }: Restored, limits: Limits, nowMs: number): void {
    const unsettled = [...this.inFlight].filter((request) => !request.isSettled);
    if (limits.requestsPerDay !== undefined && this.#day === undefined) {
      const day = new DayWindow(requestsToday, nowMs);
      for (const { admittedAtMs } of unsettled) if (day.startMs <= admittedAtMs) day.take(nowMs);
      this.#day = day;
    }
    if (limits.budget === undefined || limits.budget.period === this.budget?.period) return;
    const budget = new BudgetAccount(limits.budget, spentNanoUsd, nowMs);
    this.budget = budget;
    for (const request of unsettled) {
      if (request.hold === undefined) continue;
      const carried = budget.carry(request.hold.nanoUsd, request.admittedAtMs, nowMs);
      request.hold.release();
      request.hold = carried;
    }
  }

  adapt(limits: Limits, nowMs: number): void {
    if (limits === this.#limits) return;
    this.#limits = limits;
    this.#minute = resized(this.#minute, limits.requestsPerMinute, nowMs);
    this.tokens = resized(this.tokens, limits.tokensPerMinute, nowMs);
    if (limits.budget !== undefined) this.budget?.setLimit(limits.budget.limitNanoUsd);
  }

  /** Throws `rate_limited` with the longest of the waits, since the shorter ones would not do. */
  take(nowMs: number): Taken {
    const { requestsPerMinute, requestsPerDay, concurrencyMax } = this.#limits;
    const minuteMs = this.minuteWaitMs(nowMs);
    const dayMs = requestsPerDay === undefined ? 0 : (this.#day?.waitMs(requestsPerDay, nowMs) ?? 0);
    if (dayMs > 0 && dayMs >= minuteMs) throw refusal("rpd", `${requestsPerDay} requests per UTC day`, dayMs);
    if (minuteMs > 0)
      throw refusal(
        "rpm",
        `${requestsPerMinute} request${requestsPerMinute === 1 ? "" : "s"} per minute`,
        minuteMs,
      );
    const slot = this.#slots.take(concurrencyMax ?? Number.POSITIVE_INFINITY);
    if (slot === undefined) throw refusal("concurrency", `${concurrencyMax} requests at once`, SLOT_RETRY_MS);
    this.#minute?.take(1, nowMs);
    return { slot, dayStartMs: this.#day?.take(nowMs) };
  }

  /** A refused request counts for no day; its slot is given back on its own, its place in the minute is not. */
  giveBack({ dayStartMs }: Taken): void {
    if (dayStartMs !== undefined) this.#day?.giveBack(dayStartMs);
  }

  /** Until the minute lets another request in: a shorter wait for something else would not be the truth. */
  minuteWaitMs(nowMs: number): number {
    return this.#minute?.waitMs(1, nowMs) ?? 0;
  }

  rateLimit(nowMs: number): RateLimit {
    const rate: Mutable<RateLimit> = {};
    this.#addRequests(rate, nowMs);
    if (this.tokens !== undefined) {
      rate.limitTokens = this.tokens.capacity;
      rate.remainingTokens = this.tokens.remaining(nowMs);
      rate.resetTokensMs = this.tokens.fullInMs(nowMs);
    }
    return rate;
  }

  #addRequests(rate: Mutable<RateLimit>, nowMs: number): void {
    const minuteLeft = this.#minute?.remaining(nowMs);
    const { requestsPerDay } = this.#limits;
    const dayLeft = requestsPerDay === undefined ? undefined : this.#day?.remaining(requestsPerDay, nowMs);
    if (this.#minute !== undefined && minuteLeft !== undefined && minuteLeft <= (dayLeft ?? Infinity)) {
      rate.limitRequests = this.#minute.capacity;
      rate.remainingRequests = minuteLeft;
      rate.resetRequestsMs = this.#minute.fullInMs(nowMs);
    } else if (requestsPerDay !== undefined && dayLeft !== undefined && this.#day !== undefined) {
      rate.limitRequests = requestsPerDay;
      rate.remainingRequests = dayLeft;
      rate.resetRequestsMs = this.#day.endsInMs(nowMs);
    }
  }

  use(nowMs: number): KeyUse {
    const { requestsPerDay } = this.#limits;
    const budget = this.budget?.state(nowMs);
    return {
      inFlight: this.#slots.used,
      ...(this.#minute && { remainingRequestsThisMinute: this.#minute.remaining(nowMs) }),
      ...(this.#day &&
        requestsPerDay !== undefined && {
          remainingRequestsToday: this.#day.remaining(requestsPerDay, nowMs),
        }),
      ...(this.tokens && { remainingTokensThisMinute: this.tokens.remaining(nowMs) }),
      ...(budget && { spentNanoUsd: budget.spentNanoUsd, heldNanoUsd: budget.heldNanoUsd }),
    };
  }

  /** Forgetting it would change nothing: the buckets are full and the ledger knows the rest. */
  isIdle(nowMs: number): boolean {
    const isFull = (bucket: TokenBucket | undefined) => bucket === undefined || bucket.fullInMs(nowMs) === 0;
    return this.waiting + this.inFlight.size === 0 && isFull(this.#minute) && isFull(this.tokens);
  }
}

/** `retryAfterMs` is left out where no waiting helps: the limit is 0. */
export function refusal(code: string, allowed: string, waitMs: number): Failure {
  const again = Number.isFinite(waitMs) ? ` Try again in ${Math.ceil(waitMs / 1000)} s.` : "";
  return new Failure("rate_limited", `This key may use ${allowed}.${again}`, {
    code,
    ...(Number.isFinite(waitMs) && { retryAfterMs: waitMs }),
  });
}

function resized(
  bucket: TokenBucket | undefined,
  limit: number | undefined,
  nowMs: number,
): TokenBucket | undefined {
  if (limit === undefined) return undefined;
  if (bucket === undefined) return new TokenBucket(limit, nowMs);
  if (bucket.capacity !== limit) bucket.resize(limit, nowMs);
  return bucket;
}
