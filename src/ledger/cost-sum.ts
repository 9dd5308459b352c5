/**
 * Tokens times prices, added up exactly whatever their size.
 *
 * A number carries the sum as long as every product in it is whole and it stays below 2^50: with prices in whole
 * micro-USD per million tokens, as nearly all are, a product is a whole count of pico-USD. What does not fit is added
 * up in a bigint beside it, where every operation is a call and an allocation.
 */

/** Per million tokens. */
export interface Price {
  /** In pico-USD. */
  readonly pico: bigint;
  /** In micro-USD; NaN where that is no whole number, or too large for one. */
  readonly micro: number;
}

/** What a sum is multiplied by. */
export interface Factor {
  readonly numerator: 1 | 2;
  readonly denominator: 1 | 2;
}

/** Leaves room for a factor and for twice a remainder. */
const SMALL_MAX = 2 ** 50;
const PICO_PER_MICRO = 1_000_000n;
const PICO_PER_NANO = 1_000;
/** The bigint counts millionths of a pico-USD: tokens times pico-USD per million of them. */
const MILLION = 1_000_000n;

/** Dollars to pico-USD, exactly to the twelfth decimal. Throws RangeError for what is no price. */
export function toPico(usd: number): bigint {
  if (!Number.isFinite(usd) || usd < 0) throw new RangeError(`not a price in USD: ${usd}`);
  return BigInt(usd.toFixed(12).replace(".", ""));
}

/** `pico`: per million tokens. */
export function toPrice(pico: bigint): Price {
  const micro = pico / PICO_PER_MICRO;
  const isWhole = micro * PICO_PER_MICRO === pico && micro <= SMALL_MAX;
  return { pico, micro: isWhole ? Number(micro) : Number.NaN };
}

/** Of dollars per million tokens. Throws as `toPico` does. */
export function usdPrice(usd: number): Price {
  return toPrice(toPico(usd));
}

export class CostSum {
  /** Pico-USD. */
  #small = 0;
  #large = 0n;

  /** `count`: a whole number, not negative. */
  addTokens(count: number, { pico, micro }: Price): void {
    const sum = this.#small + count * micro;
    // Not where a part of it is NaN.
    if (sum <= SMALL_MAX) this.#small = sum;
    else this.#large += BigInt(count) * pico;
  }

  /** `pico`: of each, in pico-USD. */
  addEach(count: number, pico: bigint): void {
    this.#large += BigInt(count) * pico * MILLION;
  }

  /** In nano-USD, rounded once. */
  total({ numerator, denominator }: Factor, rounding: "half_up" | "up"): number {
    if (this.#large !== 0n) return this.#largeTotal({ numerator, denominator }, rounding);
    const value = this.#small * numerator;
    const divisor = PICO_PER_NANO * denominator;
    const rest = value % divisor;
    const isUp = rounding === "up" ? rest > 0 : 2 * rest >= divisor;
    return (value - rest) / divisor + (isUp ? 1 : 0);
  }

  #largeTotal({ numerator, denominator }: Factor, rounding: "half_up" | "up"): number {
    const value = (this.#large + BigInt(this.#small) * MILLION) * BigInt(numerator);
    const divisor = MILLION * BigInt(PICO_PER_NANO * denominator);
    if (rounding === "up") return Number((value + divisor - 1n) / divisor);
    return Number((value * 2n + divisor) / (divisor * 2n));
  }
}
