/**
 * Money held before it is spent.
 *
 *   reserve(worst case) ──▶ held ──settle(actual)──▶ spent
 *                            └────release──────────▶ gone
 *
 * - spent + held <= limit in every period at every moment, as long as nobody spends more than they held; who does
 *   passes the limit by that excess alone, and it is booked.
 * - Nothing in flight: held is 0, and spent is the sum of what was settled, which is the ledger's for the period.
 * - A request belongs to the period it was admitted in, as its ledger row does. One that crosses midnight is still
 *   held against yesterday: otherwise uploads begun before midnight would be spent from no budget at all.
 * - Periods are functions of time; no job rolls them. A clock that stood ahead and was set right is followed back: the
 *   period it returns to goes on with what was spent and held meanwhile.
 */
import type { Budget } from "#model/caller.ts";
import { STEP_BACK_MS, windowOf } from "./window.ts";

export class BudgetAccount {
  readonly period: Budget["period"];
  #limitNanoUsd: bigint;
  #current: Period;
  #previous: Period | undefined;

  /** `spentNanoUsd`: what the ledger says this period has cost already. */
  constructor({ period, limitNanoUsd }: Budget, spentNanoUsd: bigint, nowMs: number) {
    this.period = period;
    this.#limitNanoUsd = limitNanoUsd;
    this.#current = { ...windowOf(period, nowMs), spentNanoUsd, heldNanoUsd: 0n };
  }

  get limitNanoUsd(): bigint {
    return this.#limitNanoUsd;
  }

  setLimit(limitNanoUsd: bigint): void {
    this.#limitNanoUsd = limitNanoUsd;
  }

  /** A hold, or undefined where it would pass the limit. */
  reserve(nanoUsd: bigint, admittedAtMs: number, nowMs: number): Hold | undefined {
    const period = this.#periodOf(admittedAtMs, nowMs);
    if (period.spentNanoUsd + period.heldNanoUsd + nanoUsd > this.#limitNanoUsd) return undefined;
    return new Hold(period, nanoUsd);
  }

  /** Takes over a hold that was granted before this account existed, whether it fits or not. */
  carry(nanoUsd: bigint, admittedAtMs: number, nowMs: number): Hold {
    return new Hold(this.#periodOf(admittedAtMs, nowMs), nanoUsd);
  }

  /** Books money that was never held. */
  spend(nanoUsd: bigint, admittedAtMs: number, nowMs: number): void {
    this.#periodOf(admittedAtMs, nowMs).spentNanoUsd += nanoUsd;
  }

  state(nowMs: number): BudgetState {
    const { spentNanoUsd, heldNanoUsd, endMs } = this.#periodOf(nowMs, nowMs);
    return { spentNanoUsd, heldNanoUsd, ...(Number.isFinite(endMs) && { endsInMs: endMs - nowMs }) };
  }

  /** The current period, or the one before for a request admitted then. */
  #periodOf(admittedAtMs: number, nowMs: number): Period {
    if (nowMs >= this.#current.endMs) {
      this.#previous = this.#current;
      this.#current = { ...windowOf(this.period, nowMs), spentNanoUsd: 0n, heldNanoUsd: 0n };
    }
    if (nowMs < this.#current.startMs - STEP_BACK_MS) this.#goBack(nowMs);
    return admittedAtMs < this.#current.startMs ? (this.#previous ?? this.#current) : this.#current;
  }

  #goBack(nowMs: number): void {
    const window = windowOf(this.period, nowMs);
    const left =
      this.#previous?.startMs === window.startMs
        ? this.#previous
        : { ...window, spentNanoUsd: 0n, heldNanoUsd: 0n };
    left.spentNanoUsd += this.#current.spentNanoUsd;
    left.heldNanoUsd += this.#current.heldNanoUsd;
    this.#current.movedTo = left;
    this.#current = left;
    this.#previous = undefined;
  }
}

export interface BudgetState {
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  /** Until the period ends, where it does. */
  readonly endsInMs?: number;
}

interface Period {
  readonly startMs: number;
  readonly endMs: number;
  spentNanoUsd: bigint;
  heldNanoUsd: bigint;
  /** Where its holds are settled, once the clock has left it again. */
  movedTo?: Period;
}

/** Ends once: whichever of the two comes first, the rest does nothing. */
export class Hold {
  readonly nanoUsd: bigint;
  readonly #period: Period;
  #isHeld = true;

  constructor(period: Period, nanoUsd: bigint) {
    this.nanoUsd = nanoUsd;
    this.#period = period;
    period.heldNanoUsd += nanoUsd;
  }

  settle(actualNanoUsd: bigint): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    let payer = this.#period;
    while (payer.movedTo) payer = payer.movedTo;
    payer.heldNanoUsd -= this.nanoUsd;
    payer.spentNanoUsd += actualNanoUsd;
  }

  release(): void {
    this.settle(0n);
  }
}
