import { expect, test } from "bun:test";
import fc from "fast-check";
import { RetryBudget } from "./retry-budget.ts";

test("retries never pass the share of traffic plus the reserve", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 2_000 }), (steps) => {
      const budget = new RetryBudget(0.2, 5);
      let earned = 0;
      let spent = 0;
      for (const isRequest of steps) {
        if (isRequest) {
          budget.earn();
          earned += 1;
        } else if (budget.spend()) spent += 1;
      }
      expect(spent).toBeLessThanOrEqual(earned * 0.2 + 5 + 1e-6);
    }),
  );
});

test("a quiet gateway may retry at once", () => {
  expect(new RetryBudget(0.2, 1).spend()).toBe(true);
});
