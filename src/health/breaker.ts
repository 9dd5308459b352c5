/**
 * Circuit breaker of one target, a pure state machine.
 *
 *            failure rate over the window >= threshold
 *   closed ------------------------------------------> open
 *     ^                                                 | cooldown passed: one probe
 *     |  probe succeeds                                 v
 *     +-------------------------------------------- half-open
 *                                                       | probe fails: open again, cooldown doubled
 *                                                       +--> open
 *
 * Invariants: an open breaker grants at most one permit per cooldown; a permit given back without an outcome (its
 * client left) frees the probe at once, so nothing wedges; outcomes of permits granted before the breaker opened do
 * not close it.
 */

export interface BreakerOptions {
  readonly windowMs: number;
  /** Fewer outcomes than this in the window never open it. */
  readonly outcomesMin: number;
  /** Share of failures, 0 to 1, that opens it. */
  readonly failureRate: number;
  readonly cooldownMs: number;
  readonly cooldownMaxMs: number;
}

export const breakerDefaults: BreakerOptions = {
  windowMs: 30_000,
  outcomesMin: 5,
  failureRate: 0.5,
  cooldownMs: 5_000,
  cooldownMaxMs: 60_000,
};

export type BreakerState = "closed" | "open" | "half_open";

/** Leave to try the target once. Exactly one of the three is called; later calls do nothing. */
export interface Permit {
  succeed(nowMs: number): void;
  fail(nowMs: number): void;
  abandon(): void;
}

class OnePermit implements Permit {
  readonly #breaker: Breaker;
  readonly #era: number;
  #isUsed = false;

  constructor(breaker: Breaker, era: number) {
    this.#breaker = breaker;
    this.#era = era;
  }

  succeed(nowMs: number): void {
    if (this.#use()) this.#breaker.record(true, nowMs);
  }

  fail(nowMs: number): void {
    if (this.#use()) this.#breaker.record(false, nowMs);
  }

  abandon(): void {
    if (this.#use()) this.#breaker.endProbe();
  }

  #use(): boolean {
    if (this.#isUsed) return false;
    this.#isUsed = true;
    return this.#era === this.#breaker.era;
  }
}

/** The window is this many slices, so memory per target is constant. */
const SLICES = 10;

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #successes = new Uint32Array(SLICES);
  readonly #failures = new Uint32Array(SLICES);
  #slice = 0;
  #state: BreakerState = "closed";
  #openUntilMs = 0;
  #cooldownMs: number;
  /** Rises with each state change: a permit from an earlier era cannot move the machine. */
  #era = 0;
  #isProbing = false;

  constructor(options: BreakerOptions = breakerDefaults) {
    this.#options = options;
    this.#cooldownMs = options.cooldownMs;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When the next permit may be granted: now or earlier where one would be granted now. */
  availableAtMs(nowMs: number): number {
    if (this.#state === "closed") return nowMs;
    if (this.#state === "half_open" && this.#isProbing) return nowMs + this.#options.cooldownMs;
    return Math.max(nowMs, this.#openUntilMs);
  }

  acquire(nowMs: number): Permit | undefined {
    if (this.#state === "closed") return new OnePermit(this, this.#era);
    if (this.#isProbing || nowMs < this.#openUntilMs) return undefined;
    if (this.#state === "open") this.#enter("half_open");
    this.#isProbing = true;
    return new OnePermit(this, this.#era);
  }

  get era(): number {
    return this.#era;
  }

  /** A permit's outcome. Called by permits of this era only, as `endProbe` is. */
  record(succeeded: boolean, nowMs: number): void {
    if (this.#state === "half_open") {
      if (succeeded) this.#close();
      else this.#open(nowMs, Math.min(this.#cooldownMs * 2, this.#options.cooldownMaxMs));
      return;
    }
    this.#advance(nowMs);
    const counts = succeeded ? this.#successes : this.#failures;
    const index = this.#slice % SLICES;
    counts[index] = (counts[index] ?? 0) + 1;
    if (!succeeded && this.#isTripped()) this.#open(nowMs, this.#options.cooldownMs);
  }

  /** A permit was given back without an outcome. */
  endProbe(): void {
    this.#isProbing = false;
  }

  #isTripped(): boolean {
    const failures = sum(this.#failures);
    const outcomes = failures + sum(this.#successes);
    return outcomes >= this.#options.outcomesMin && failures >= outcomes * this.#options.failureRate;
  }

  /** Empties the slices that time has passed by. */
  #advance(nowMs: number): void {
    const slice = Math.floor(nowMs / (this.#options.windowMs / SLICES));
    const passed = Math.min(SLICES, Math.max(0, slice - this.#slice));
    for (let step = 1; step <= passed; step++) {
      const index = (slice - passed + step) % SLICES;
      this.#successes[index] = 0;
      this.#failures[index] = 0;
    }
    this.#slice = Math.max(slice, this.#slice);
  }

  #open(nowMs: number, cooldownMs: number): void {
    this.#enter("open");
    this.#cooldownMs = cooldownMs;
    this.#openUntilMs = nowMs + cooldownMs;
  }

  #close(): void {
    this.#enter("closed");
    this.#cooldownMs = this.#options.cooldownMs;
    this.#successes.fill(0);
    this.#failures.fill(0);
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#era += 1;
    this.#isProbing = false;
  }
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
