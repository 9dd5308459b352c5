/**
 * Bounds retries to a share of traffic, so that an outage is never multiplied by them (properties P25). Each first
 * attempt earns a fraction of a retry; each retry spends one; a small reserve serves quiet gateways.
 *
 * Invariant: retries <= share x first attempts + reserve, over any span.
 */

export class RetryBudget {
  readonly #share: number;
  readonly #reserve: number;
  #balance: number;

  constructor(share = 0.2, reserve = 20) {
    this.#share = share;
    this.#reserve = reserve;
    this.#balance = reserve;
  }

  earn(): void {
    this.#balance = Math.min(this.#reserve, this.#balance + this.#share);
  }

  /** True where the retry may go ahead. */
  spend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
