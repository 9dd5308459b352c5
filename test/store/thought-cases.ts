/** Cases of store-battery.ts: sealed thoughts are one tenant's, bounded in time and number. */
import { describe, expect, test } from "bun:test";
import type { Database } from "#store/database.ts";
import { createThoughtStore, type SealedThoughts } from "#store/thought-store.ts";
import type { Bench } from "./store-battery.ts";

const START_MS = Date.UTC(2026, 0, 1);

const thoughts = (name: string, more: Partial<SealedThoughts> = {}): SealedThoughts => ({
  tenantId: "acme",
  name,
  sealed: `sealed ${name}`,
  expiresAtMs: START_MS + 1000,
  ...more,
});

function openStore(database: Database) {
  const state = { nowMs: START_MS };
  return { store: createThoughtStore(database, () => state.nowMs), state };
}

export function testThoughts(bench: Bench): void {
  describe("sealed thoughts", () => {
    test("what was kept is found on another connection, and no more than was asked for", async () => {
      const url = await bench.emptyDatabase();
      const { store } = openStore(await bench.reopen(url));
      await Promise.all(["a", "b", "c"].map((name) => store.keep(thoughts(name))));
      const other = openStore(await bench.reopen(url)).store;
      const found = await other.find("acme", ["c", "a", "unknown"]);
      expect(found.toSorted((one, two) => one.name.localeCompare(two.name))).toEqual([
        thoughts("a"),
        thoughts("c"),
      ]);
    });

    test("another tenant finds nothing under the same name", async () => {
      const { store } = openStore(await bench.open());
      await store.keep(thoughts("a"));
      await store.keep(thoughts("a", { tenantId: "other", sealed: "theirs" }));
      expect(await store.find("acme", ["a"])).toEqual([thoughts("a")]);
      expect(await store.find("third", ["a"])).toEqual([]);
    });

    test("what is kept again is overwritten, also within one batch", async () => {
      const { store } = openStore(await bench.open());
      await Promise.all(["1", "2", "3"].map((sealed) => store.keep(thoughts("a", { sealed }))));
      expect((await store.find("acme", ["a"]))[0]?.sealed).toBe("3");
    });

    test("more names than one statement takes", async () => {
      const { store } = openStore(await bench.open());
      const names = Array.from({ length: 1203 }, (_, index) => `name ${index}`);
      await Promise.all(names.map((name) => store.keep(thoughts(name))));
      expect(await store.find("acme", names)).toHaveLength(1203);
    });

    test("what has expired is unknown at once, and swept out later", async () => {
      const database = await bench.open();
      const { store, state } = openStore(database);
      await store.keep(thoughts("old"));
      await store.keep(thoughts("new", { expiresAtMs: START_MS + 5000 }));
      state.nowMs = START_MS + 1000;
      expect(await store.find("acme", ["old", "new"])).toHaveLength(1);
      expect(await store.purge(10)).toBe(1);
      expect(await store.purge(10)).toBe(0);
      expect(await database.sql`SELECT name FROM turn_thoughts`).toHaveLength(1);
    });

    test("a sweep leaves no more rows than it may, and those are the latest", async () => {
      const { store } = openStore(await bench.open());
      for (let index = 0; index < 8; index += 1) {
        await store.keep(thoughts(`n${index}`, { expiresAtMs: START_MS + 100 + index }));
      }
      expect(await store.purge(8)).toBe(0);
      expect(await store.purge(3)).toBe(5);
      const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
      const left = (await store.find("acme", names)).map(({ name }) => name);
      expect(left.toSorted()).toEqual(["n5", "n6", "n7"]);
      expect(await store.purge(0)).toBe(3);
    });

    test("more rows than one statement of a sweep takes", async () => {
      const { store, state } = openStore(await bench.open());
      await Promise.all(Array.from({ length: 2100 }, (_, index) => store.keep(thoughts(`n${index}`))));
      state.nowMs = START_MS + 1000;
      expect(await store.purge(1_000_000)).toBe(2100);
    });
  });
}
