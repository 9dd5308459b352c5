/**
 * Requests per UTC day.
 *
 *   [ day n: used 0..limit ] ──midnight UTC──▶ [ day n+1: used 0 ]
 *
 * - Taken in one day <= limit; a refusal changes nothing and says the exact wait until midnight.
 * - A time a little before the current day counts as the current day: going back must not open yesterday again.
 * - A clock that stood ahead and was set right is followed back. The day it returns to goes on where it was left, with
 *   what was taken meanwhile on top, so that nobody has a day twice.
 */
import { STEP_BACK_MS, windowOf, type Window } from "./window.ts";

export class DayWindow {
  #window: Window;
  #used: number;
  /** The day before the current one, as far as this window knows. */
  #left: { readonly startMs: number; readonly used: number } | undefined;

  /** `used`: what the ledger says was taken today already. */
  constructor(used: number, nowMs: number) {
    this.#window = windowOf("day", nowMs);
    this.#used = used;
  }

  get startMs(): number {
    return this.#window.startMs;
  }

  /** 0 where one more request fits, infinite where the limit is 0. */
  waitMs(limit: number, nowMs: number): number {
    this.#roll(nowMs);
    if (this.#used < limit) return 0;
    if (limit <= 0) return Number.POSITIVE_INFINITY;
    return this.#window.endMs - nowMs;
  }

  /** Takes one; gives the start of the day it counts for, which `giveBack` wants. */
  take(nowMs: number): number {
    this.#roll(nowMs);
    this.#used += 1;
    return this.#window.startMs;
  }

  /** Nothing happens where that day is over. */
  giveBack(dayStartMs: number): void {
    if (this.#window.startMs === dayStartMs && this.#used > 0) this.#used -= 1;
  }

  remaining(limit: number, nowMs: number): number {
    this.#roll(nowMs);
    return Math.max(0, limit - this.#used);
  }

  endsInMs(nowMs: number): number {
    this.#roll(nowMs);
    return this.#window.endMs - nowMs;
  }

  #roll(nowMs: number): void {
    if (nowMs >= this.#window.endMs) {
      this.#left = { startMs: this.#window.startMs, used: this.#used };
      this.#window = windowOf("day", nowMs);
      this.#used = 0;
      return;
    }
    if (nowMs >= this.#window.startMs - STEP_BACK_MS) return;
    this.#window = windowOf("day", nowMs);
    if (this.#left?.startMs === this.#window.startMs) this.#used += this.#left.used;
    this.#left = undefined;
  }
}
