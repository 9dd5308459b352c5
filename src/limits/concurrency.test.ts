import { expect, test } from "bun:test";
import fc from "fast-check";
import { Slots, type Slot } from "./concurrency.ts";

test("slots run out at the limit and come back once however often they are released", () => {
  const slots = new Slots();
  const first = slots.take(2);
  expect(slots.take(2)).toBeDefined();
  expect(slots.take(2)).toBeUndefined();
  first?.release();
  first?.release();
  expect(slots.used).toBe(1);
});

test("a lower limit takes effect as slots come back", () => {
  const slots = new Slots();
  const out = [slots.take(3), slots.take(3), slots.take(3)];
  expect(slots.take(1)).toBeUndefined();
  for (const slot of out) slot?.release();
  expect(slots.take(1)).toBeDefined();
});

test("no interleaving of taking and releasing passes the limit or leaks a slot", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9), { maxLength: 100 }), (limit, moves) => {
      const slots = new Slots();
      const out: Slot[] = [];
      for (const move of moves) {
        if (move < 6) {
          const slot = slots.take(limit);
          expect(slot === undefined).toBe(out.length === limit);
          if (slot !== undefined) out.push(slot);
        } else out.splice(move % Math.max(1, out.length), 1)[0]?.release();
        expect(slots.used).toBe(out.length);
      }
      for (const slot of out) slot.release();
      expect(slots.used).toBe(0);
    }),
  );
});
