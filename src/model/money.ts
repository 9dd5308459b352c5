/**
 * Money is integers: nano-dollars (1 USD = 1e9). One request's cost fits a number (2^53 nano-USD is nine million
 * dollars); sums and limits are bigint.
 */

export const NANO_PER_USD = 1_000_000_000;

/** Exact conversion of a decimal string or number of dollars. Throws RangeError where it is no amount of money. */
export function toNanoUsd(usd: string | number): bigint {
  const text = typeof usd === "number" ? plainDecimal(usd) : usd.trim();
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`not an amount in USD: ${text}`);
  const [, whole = "0", fraction = ""] = match;
  return BigInt(whole) * BigInt(NANO_PER_USD) + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}

/** Dollars for people and headers, without trailing zeros: `0.000123`. A number is a whole one, exact as such. */
export function formatUsd(nanoUsd: bigint | number): string {
  const text = String(nanoUsd);
  const sign = text.startsWith("-") ? "-" : "";
  const digits = text.slice(sign.length).padStart(10, "0");
  const whole = digits.length - 9;
  let end = digits.length;
  while (end > whole && digits.charCodeAt(end - 1) === ZERO) end -= 1;
  const fraction = end === whole ? "" : `.${digits.slice(whole, end)}`;
  return `${sign}${digits.slice(0, whole)}${fraction}`;
}

const ZERO = 0x30;

/** `1e-7` is how JavaScript prints small amounts; money text must not have exponents. */
function plainDecimal(value: number): string {
  return Number.isFinite(value) && value >= 0 ? value.toFixed(12).replace(/\.?0+$/, "") : String(value);
}
