/** The same sums as one bigint would make, on both sides of where numbers end. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { CostSum, toPico, toPrice, type Factor } from "./cost-sum.ts";

const STANDARD: Factor = { numerator: 1, denominator: 1 };

const factors = fc.record({
  numerator: fc.constantFrom<1 | 2>(1, 2),
  denominator: fc.constantFrom<1 | 2>(1, 2),
});
/** Of everyday sizes, around 2^53, and with digits below a micro-USD. */
const counts = fc.oneof(fc.nat(1_000_000), fc.maxSafeNat());
const picos = fc.oneof(
  fc.nat(200_000_000).map((micro) => BigInt(micro) * 1_000_000n),
  fc.bigInt({ min: 0n, max: 2n ** 70n }),
);

test("is what a bigint would give, rounded once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(counts, picos), { maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(10), picos), { maxLength: 2 }),
      factors,
      (tokens, each, factor) => {
        const sum = new CostSum();
        let millionths = 0n;
        for (const [count, pico] of tokens) {
          sum.addTokens(count, toPrice(pico));
          millionths += BigInt(count) * pico;
        }
        for (const [count, pico] of each) {
          sum.addEach(count, pico);
          millionths += BigInt(count) * pico * 1_000_000n;
        }
        const value = millionths * BigInt(factor.numerator);
        const divisor = 1_000_000_000n * BigInt(factor.denominator);
        const [whole, rest] = [value / divisor, value % divisor];
        expect(sum.total(factor, "up")).toBe(Number(whole + (rest > 0n ? 1n : 0n)));
        expect(sum.total(factor, "half_up")).toBe(Number(whole + (rest * 2n >= divisor ? 1n : 0n)));
      },
    ),
  );
});

test.each([
  { usd: 1, micro: 1_000_000 },
  { usd: 0.0375, micro: 37_500 },
  { usd: 0.000001, micro: 1 },
  { usd: 0.0000005, micro: Number.NaN },
  { usd: 0, micro: 0 },
])("$usd USD a million tokens are $micro micro-USD", ({ usd, micro }) => {
  expect(toPrice(toPico(usd))).toEqual({ pico: toPico(usd), micro });
});

test("half a nano-USD is rounded up, a little less is not", () => {
  const sum = new CostSum();
  sum.addTokens(1, toPrice(toPico(0.0005)));
  expect(sum.total(STANDARD, "half_up")).toBe(1);
  const less = new CostSum();
  less.addTokens(1, toPrice(toPico(0.000499)));
  expect(less.total(STANDARD, "half_up")).toBe(0);
  expect(less.total(STANDARD, "up")).toBe(1);
});

test("what is no price is refused", () => {
  for (const usd of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => toPico(usd)).toThrow(RangeError);
});
