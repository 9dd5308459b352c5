/**
 * One request inside the gate.
 *
 *   admitted ──reserve──▶ held ──settle──▶ settled ──dispose──▶ gone
 *      │ └─refund──▶ refunded ──dispose──▶ gone       (a slot is out until dispose, in every state)
 *      └──────────────dispose─────────────▶ gone      (an unsettled hold goes back)
 *
 * Each arrow is walked at most once; calling again is harmless.
 */
import type { Clock } from "#lib/clock.ts";
import { Failure } from "#model/failure.ts";
import type { Actual, Admission, RateLimit, WorstCase } from "./admission.ts";
import type { BudgetAccount, Hold } from "./budget.ts";
import { refusal, type InFlight, type KeyState, type Taken } from "./key-state.ts";

export interface Gate {
  readonly clock: Pick<Clock, "nowMs">;
  /** What to hold where no price is known; absent: such a request is refused. */
  readonly unknownPriceCeilingNanoUsd?: number;
}

export interface Times {
  /** When the request came: the budget's period it belongs to, as its row does. */
  readonly arrivedAtMs: number;
  /** Later where the key's state had to be read first. */
  readonly nowMs: number;
}

export class OneAdmission implements Admission, InFlight {
  readonly admittedAtMs: number;
  readonly rateLimit: RateLimit;
  hold: Hold | undefined;
  readonly #state: KeyState;
  readonly #taken: Taken;
  readonly #gate: Gate;
  #tokensTaken: number | undefined;
  #isSettled = false;
  #isRefunded = false;

  /** Throws `rate_limited`. */
  constructor(state: KeyState, { arrivedAtMs, nowMs }: Times, gate: Gate) {
    this.#taken = state.take(nowMs);
    this.#state = state;
    this.#gate = gate;
    this.admittedAtMs = arrivedAtMs;
    this.rateLimit = state.rateLimit(nowMs);
    state.inFlight.add(this);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  reserve(worstCase: WorstCase, nowMs: number): void {
    const isFirst = this.hold === undefined && this.#tokensTaken === undefined;
    const before = this.hold;
    try {
      this.#holdMoney(worstCase, nowMs);
      this.#takeTokens(worstCase.tokens, nowMs);
    } catch (error) {
      this.#holdAgain(before, nowMs);
      if (isFirst) this.refund();
      throw error;
    }
  }

  settle({ tokens, costNanoUsd = 0 }: Actual, nowMs: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#state.settledCount += 1;
    if (tokens !== undefined) this.#state.tokens?.correct(this.#tokensTaken ?? 0, tokens, nowMs);
    if (this.hold === undefined) this.#state.budget?.spend(BigInt(costNanoUsd), this.admittedAtMs, nowMs);
    else this.hold.settle(BigInt(costNanoUsd));
  }

  refund(): void {
    if (this.#isRefunded) return;
    this.#isRefunded = true;
    this.#state.giveBack(this.#taken);
  }

  [Symbol.dispose](): void {
    this.#taken.slot.release();
    this.#state.inFlight.delete(this);
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.hold?.release();
    if (this.#tokensTaken === undefined) return;
    this.#state.tokens?.correct(this.#tokensTaken, 0, this.#gate.clock.nowMs());
  }

  #holdMoney({ costNanoUsd, owedNanoUsd = 0 }: WorstCase, nowMs: number): void {
    const { budget } = this.#state;
    if (budget === undefined || this.#state.limits.budget === undefined) return;
    const costsAtMost = costNanoUsd ?? this.#gate.unknownPriceCeilingNanoUsd;
    if (costsAtMost === undefined) {
      throw new Failure(
        "price_unknown",
        "This key has a budget, and nobody knows this model's price. Name it under `prices`, or set `limits.unknown_price_ceiling_usd`.",
        { code: "price_unknown" },
      );
    }
    const worstNanoUsd = BigInt(costsAtMost) + BigInt(owedNanoUsd);
    this.hold?.release();
    this.hold = budget.reserve(worstNanoUsd, this.admittedAtMs, nowMs);
    if (this.hold !== undefined) return;
    throw overBudget(budget, worstNanoUsd, { nowMs, waitMsMin: this.#state.minuteWaitMs(nowMs) });
  }

  /** Back to the hold before, where another took its place or was refused it. */
  #holdAgain(before: Hold | undefined, nowMs: number): void {
    if (this.hold === before) return;
    this.hold?.release();
    this.hold = before && this.#state.budget?.carry(before.nanoUsd, this.admittedAtMs, nowMs);
  }

  #takeTokens(tokens: number, nowMs: number): void {
    const bucket = this.#state.tokens;
    if (bucket === undefined) return;
    const before = this.#tokensTaken;
    if (before !== undefined) bucket.correct(before, 0, nowMs);
    this.#tokensTaken = bucket.take(tokens, nowMs);
    if (this.#tokensTaken !== undefined) return;
    const waitMs = Math.max(bucket.waitMs(tokens, nowMs), this.#state.minuteWaitMs(nowMs));
    if (before !== undefined) bucket.correct(0, before, nowMs);
    this.#tokensTaken = before;
    throw refusal("tpm", `${bucket.capacity} tokens per minute`, waitMs);
  }
}

/** Waiting helps where the period ends and a whole period's money would do. */
function overBudget(
  budget: BudgetAccount,
  worstNanoUsd: bigint,
  { nowMs, waitMsMin }: { readonly nowMs: number; readonly waitMsMin: number },
): Failure {
  const { endsInMs } = budget.state(nowMs);
  const isCurable = endsInMs !== undefined && worstNanoUsd <= budget.limitNanoUsd;
  const until = isCurable ? ` It is renewed when the ${budget.period} ends (UTC).` : "";
  return new Failure(
    "over_budget",
    `What is left of this key's budget does not cover this request.${until}`,
    {
      code: "budget",
      ...(isCurable && { retryAfterMs: Math.max(endsInMs, waitMsMin) }),
    },
  );
}
