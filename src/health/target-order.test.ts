import { expect, test } from "bun:test";
import fc from "fast-check";
import { orderTargets, type OrderKnowledge } from "./target-order.ts";

const targets = [
  { id: "a", weight: 1 },
  { id: "b", weight: 3 },
  { id: "c", weight: 0 },
];
const knows = (partial: Partial<OrderKnowledge> = {}): OrderKnowledge => ({
  random: () => 0.5,
  firstTokenMs: () => undefined,
  price: () => undefined,
  ...partial,
});
const ids = (ordered: readonly { id: string }[]) => ordered.map(({ id }) => id).join("");

test("priority keeps the order of the config", () => {
  expect(ids(orderTargets("priority", targets, knows()))).toBe("abc");
});

test("latency puts the fastest first, an untried one before all", () => {
  const firstTokenMs = (id: string) => ({ a: 300, b: 100 })[id];
  expect(ids(orderTargets("latency", targets, knows({ firstTokenMs })))).toBe("cba");
});

test("cost puts the cheapest first, an unknown price last", () => {
  const price = (id: string) => ({ a: 5, c: 2 })[id];
  expect(ids(orderTargets("cost", targets, knows({ price })))).toBe("cab");
});

test("weighted draws each target first in proportion to its weight, and a weight of 0 only as a spare", () => {
  const first = { a: 0, b: 0, c: 0 };
  const steps = 400;
  for (let step = 0; step < steps; step++) {
    const [drawn] = orderTargets("weighted", targets, knows({ random: () => step / steps }));
    if (drawn?.id === "a" || drawn?.id === "b" || drawn?.id === "c") first[drawn.id] += 1;
  }
  expect(first).toEqual({ a: 100, b: 300, c: 0 });
});

test("no strategy loses or repeats a target", () => {
  const arbitrary = fc.uniqueArray(fc.record({ id: fc.string(), weight: fc.nat(5) }), {
    selector: ({ id }) => id,
  });
  fc.assert(
    fc.property(
      arbitrary,
      fc.constantFrom("priority", "weighted", "latency", "cost"),
      fc.noShrink(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }))),
      (given, strategy, chance) => {
        const random = () => chance.next().value ?? 0;
        const ordered = orderTargets(strategy, given, knows({ random }));
        expect(ordered.toSorted(byId)).toEqual(given.toSorted(byId));
      },
    ),
  );
});

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
