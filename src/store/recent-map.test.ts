import { expect, test } from "bun:test";
import fc from "fast-check";
import { RecentMap } from "./recent-map.ts";

test("never holds more than twice its size, and always the most recently used", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.record({ key: fc.integer({ min: 0, max: 20 }), write: fc.boolean() }), { maxLength: 200 }),
      (size, steps) => {
        const map = new RecentMap<number, string>(size);
        const recent: number[] = [];
        for (const { key, write } of steps) {
          const isUsed = write || map.get(key) !== undefined;
          if (write) map.set(key, `value ${key}`);
          if (!isUsed) continue;
          recent.splice(0, recent.length, key, ...recent.filter((other) => other !== key));
        }
        expect(new Set([...map.entries()].map(([key]) => key)).size).toBeLessThanOrEqual(2 * size);
        for (const key of recent.slice(0, size)) expect(map.get(key)).toBe(`value ${key}`);
      },
    ),
  );
});

test("forgets what is deleted, young or old", () => {
  const map = new RecentMap<string, number>(1);
  map.set("old", 1);
  map.set("young", 2);
  map.delete("old");
  map.delete("young");
  expect([...map.entries()]).toEqual([]);
  expect(map.get("old")).toBeUndefined();
});
