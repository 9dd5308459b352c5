import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { SummedHistogram } from "./summed-histogram.ts";

const told = { name: "seconds", help: "How long.", buckets: [0.1, 0.5, 1] };
const labelNames = ["model"] as const;

test("says what prom-client's own histogram says of the same values", async () => {
  const value = fc.oneof(fc.constantFrom(0, 0.1, 0.5, 1, -1), fc.double({ noNaN: true, min: -2, max: 2 }));
  const observed = fc.array(fc.record({ model: fc.constantFrom("a", 'b"\n', ""), value }));
  await fc.assert(
    fc.asyncProperty(observed, async (all) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const summed = new SummedHistogram({ ...told, labelNames, registers: [ours] });
      const plain = new Histogram({ ...told, labelNames, registers: [theirs] });
      const series = new Map(
        [...new Set(all.map(({ model }) => model))].map((model) => [model, summed.open({ model })]),
      );
      for (const { model, value: seconds } of all) {
        series.get(model)?.add(seconds);
        plain.observe({ model }, seconds);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
      expect(await ours.getMetricsAsJSON()).toMatchObject(
        (await theirs.getMetricsAsJSON()).map(({ name, help, type }) => ({ name, help, type })),
      );
    }),
  );
});

test("without labels it is there before the first value", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  new SummedHistogram({ ...told, registers: [ours] }).open({});
  expect(new Histogram({ ...told, registers: [theirs] })).toBeDefined();
  expect(await ours.metrics()).toBe(await theirs.metrics());
});

test.each([Number.NaN, Infinity, -Infinity])("%p is refused and spoils nothing", async (value) => {
  const summed = new SummedHistogram({ ...told, registers: [] });
  const sums = summed.open({});
  expect(() => sums.add(value)).toThrow(TypeError);
  expect([sums.count, sums.sum]).toEqual([0, 0]);
});
