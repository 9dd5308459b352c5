/**
 * A token bucket that holds a minute's worth and refills continuously.
 *
 *   level:  0 ───── refills `capacity` per minute ─────▶ capacity
 *           ▲ take(n) lowers it; a correction may push it below 0, a debt that is paid back first
 *
 * - Admitted in any span of t ms <= capacity + capacity * t / 60000, rounding never included: the level is counted in
 *   1/60000 of a token, so a millisecond refills exactly `capacity` units. No fractions, no drift.
 * - A refusal changes nothing and says the exact wait: `take` after that many milliseconds succeeds.
 * - Time that steps back a little adds nothing; a clock set back for good is followed, or the bucket would be dry
 *   until it has caught up.
 */

import { STEP_BACK_MS } from "./window.ts";

/** Units per token: refill per millisecond is then the capacity, an integer. */
const UNITS = 60_000;

export class TokenBucket {
  #capacity: number;
  #level: number;
  #atMs: number;

  constructor(capacity: number, nowMs: number) {
    this.#capacity = capacity;
    this.#level = capacity * UNITS;
    this.#atMs = nowMs;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Milliseconds until `amount` could be taken; 0 for now, infinite where the limit is 0. More than the capacity is asked for as the capacity. */
  waitMs(amount: number, nowMs: number): number {
    this.#refill(nowMs);
    if (this.#capacity <= 0) return Number.POSITIVE_INFINITY;
    const missing = Math.min(amount, this.#capacity) * UNITS - this.#level;
    return missing <= 0 ? 0 : Math.ceil(missing / this.#capacity) + Math.max(0, this.#atMs - nowMs);
  }

  /**
   * Takes and gives what was taken, or undefined where it is not there. A request larger than the whole bucket takes
   * all of it, since it could never be let through otherwise; `correct` charges the rest.
   */
  take(amount: number, nowMs: number): number | undefined {
    if (this.waitMs(amount, nowMs) > 0) return undefined;
    const taken = Math.min(amount, this.#capacity);
    this.#level -= taken * UNITS;
    return taken;
  }

  /** Replaces what was taken by what was used. More than is there becomes a debt. */
  correct(taken: number, used: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#level = Math.min(this.#capacity * UNITS, this.#level + (taken - used) * UNITS);
  }

  /** Whole tokens there now. */
  remaining(nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, Math.floor(this.#level / UNITS));
  }

  fullInMs(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#capacity <= 0) return 0;
    return Math.ceil((this.#capacity * UNITS - this.#level) / this.#capacity);
  }

  /** A changed limit: what was used stays used, but a lower limit alone never makes a debt. */
  resize(capacity: number, nowMs: number): void {
    this.#refill(nowMs);
    const moved = this.#level + (capacity - this.#capacity) * UNITS;
    this.#level = Math.max(moved, Math.min(this.#level, 0));
    this.#capacity = capacity;
  }

  #refill(nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs <= 0 && elapsedMs >= -STEP_BACK_MS) return;
    this.#atMs = nowMs;
    if (elapsedMs < 0) return;
    this.#level = Math.min(this.#capacity * UNITS, this.#level + elapsedMs * this.#capacity);
  }
}
