import { expect, test } from "bun:test";
import { createPriceBook, type Cost } from "#ledger/price.ts";
import type { Usage } from "#model/usage.ts";
import { addUsage } from "./add-usage.ts";
import { costOfParts } from "./cost-of-parts.ts";

const sale = {
  provider: "gemini",
  connectorType: "gemini",
  model: "gemini-2.5-pro",
  atMs: Date.UTC(2026, 0),
};
const book = createPriceBook();
const costOf = (call: Usage): Cost => book.cost(call, sale);
const nanoUsd = (cost: Cost) => (cost.source === "unknown" ? undefined : cost.nanoUsd);

test("calls below a price step cost as such, though their sum is above it", () => {
  const calls: readonly Usage[] = [
    { input: 90_000, output: 30_000 },
    { input: 120_000, output: 30_000 },
    { input: 150_000, output: 10_000 },
  ];
  const total = calls.reduce((sum: Usage | undefined, call) => addUsage(sum, call), undefined) ?? {};
  const cost = costOfParts(total, calls.slice(0, -1), costOf);
  expect(nanoUsd(cost)).toBe(calls.reduce((sum, call) => sum + (nanoUsd(costOf(call)) ?? Number.NaN), 0));
  // The price has such a step, or this would show nothing.
  expect(nanoUsd(cost)).toBeLessThan(nanoUsd(costOf(total)) ?? 0);
});

test("one call costs what it costs", () => {
  const usage = { input: 10, output: 10 };
  expect(costOfParts(usage, [], costOf)).toEqual(costOf(usage));
});

test("one call of unknown cost makes the sum unknown", () => {
  const isLong = ({ input = 0 }: Usage) => input > 5;
  const cost = (call: Usage): Cost =>
    isLong(call) ? { source: "unknown" } : { source: "config", nanoUsd: 1 };
  expect(costOfParts({ input: 12, output: 2 }, [{ input: 10, output: 1 }], cost)).toEqual({
    source: "unknown",
  });
  expect(costOfParts({ input: 12, output: 2 }, [{ input: 2, output: 1 }], cost)).toEqual({
    source: "unknown",
  });
});
