/** Cases of store-battery.ts: stored answers are one tenant's, bounded in time, whole, and gone when deleted. */
import { describe, expect, test } from "bun:test";
import { createResponseStore, type StoredResponse } from "#store/response-store.ts";
import type { Database } from "#store/database.ts";
import type { Bench } from "./store-battery.ts";

const START_MS = Date.UTC(2026, 0, 1);

const answer = (id: string, more: Partial<StoredResponse> = {}): StoredResponse => ({
  tenantId: "acme",
  id,
  model: "model",
  inputText: `["input of ${id}"]`,
  responseText: `{"id":"${id}"}`,
  createdAtMs: START_MS,
  expiresAtMs: START_MS + 1000,
  ...more,
});

function openStore(database: Database) {
  const state = { nowMs: START_MS, failures: 0 };
  const store = createResponseStore({
    database,
    now: () => state.nowMs,
    onFailure: () => {
      state.failures += 1;
    },
  });
  return { store, state };
}

export function testResponses(bench: Bench): void {
  describe("stored responses", () => {
    test("every field comes back, on another connection too", async () => {
      const url = await bench.emptyDatabase();
      const kept = answer("resp_2", { previousId: "resp_1", connector: "openai" });
      await openStore(await bench.reopen(url)).store.keep(kept);
      expect(await openStore(await bench.reopen(url)).store.find("acme", "resp_2")).toEqual(kept);
    });

    test("a chain comes oldest first, whatever order it was written in", async () => {
      const { store } = openStore(await bench.open());
      await Promise.all([
        store.keep(answer("c", { previousId: "b" })),
        store.keep(answer("a")),
        store.keep(answer("b", { previousId: "a" })),
      ]);
      expect((await store.chain("acme", "c")).map(({ id }) => id)).toEqual(["a", "b", "c"]);
      expect((await store.chain("acme", "b")).map(({ id }) => id)).toEqual(["a", "b"]);
    });

    test("a chain with a deleted or expired link is none", async () => {
      const { store, state } = openStore(await bench.open());
      await store.keep(answer("a"));
      await store.keep(answer("b", { previousId: "a", expiresAtMs: START_MS + 5000 }));
      expect(await store.chain("acme", "b")).toHaveLength(2);
      state.nowMs = START_MS + 2000;
      expect(await store.chain("acme", "b")).toEqual([]);
      expect(await store.find("acme", "b")).toBeDefined();
      expect(await store.remove("acme", "b")).toBe(true);
      expect(await store.remove("acme", "b")).toBe(false);
    });

    test("a chain that runs in a circle is none, and ends", async () => {
      const { store } = openStore(await bench.open());
      await store.keep(answer("a", { previousId: "b" }));
      await store.keep(answer("b", { previousId: "a" }));
      expect(await store.chain("acme", "a")).toEqual([]);
    });

    test("the same id of two tenants is two answers, and neither sees the other's chain", async () => {
      const { store } = openStore(await bench.open());
      await store.keep(answer("a"));
      await store.keep(answer("a", { tenantId: "other", inputText: '["theirs"]' }));
      await store.keep(answer("b", { tenantId: "third", previousId: "a" }));
      expect((await store.find("acme", "a"))?.inputText).toBe('["input of a"]');
      expect((await store.find("other", "a"))?.inputText).toBe('["theirs"]');
      expect(await store.chain("third", "b")).toEqual([]);
      expect(await store.remove("third", "a")).toBe(false);
    });

    test("an id that is kept again is overwritten, also within one batch", async () => {
      const { store } = openStore(await bench.open());
      await Promise.all(
        ["first", "second", "third"].map((text) => store.keep(answer("a", { inputText: text }))),
      );
      expect((await store.find("acme", "a"))?.inputText).toBe("third");
      await store.keep(answer("a", { inputText: "fourth" }));
      expect((await store.find("acme", "a"))?.inputText).toBe("fourth");
    });

    test("the sweep takes what has expired and nothing else", async () => {
      const { store, state } = openStore(await bench.open());
      await store.keep(answer("old"));
      await store.keep(answer("new", { expiresAtMs: START_MS + 5000 }));
      state.nowMs = START_MS + 1000;
      expect(await store.purge()).toBe(1);
      expect(await store.purge()).toBe(0);
      expect(await store.find("acme", "new")).toBeDefined();
    });

    test("what cannot be kept rejects where asked for; else it is told once and not tried for a while", async () => {
      const database = await bench.open();
      const { store, state } = openStore(database);
      await database.sql.script("ALTER TABLE stored_responses RENAME TO hidden");
      expect(await store.keep(answer("a")).catch((error: unknown) => error)).toBeInstanceOf(Error);
      await store.tryKeep(answer("b"));
      await store.tryKeep(answer("c"));
      expect(state.failures).toBe(1);
      await database.sql.script("ALTER TABLE hidden RENAME TO stored_responses");
      state.nowMs = START_MS + 60_000;
      await store.tryKeep(answer("d", { expiresAtMs: START_MS + 90_000 }));
      expect(await store.find("acme", "d")).toBeDefined();
    });
  });
}
