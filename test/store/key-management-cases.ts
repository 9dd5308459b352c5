/** Cases of store-battery.ts: making, stopping, replacing and listing keys and tenants. */
import { describe, expect, test } from "bun:test";
import type { KeyStore } from "#store/key-store.ts";
import { createTenantStore } from "#store/tenant-store.ts";
import { createDesk, START_MS } from "./key-desk.ts";
import { failureOf, rejection } from "./rejection.ts";
import type { Bench } from "./store-battery.ts";

export function testKeyManagement(bench: Bench): void {
  const openDesk = async () => createDesk(await bench.open());

  describe("managing keys", () => {
    test("rotation gives the same limits to a new secret and stops the old one", async () => {
      const { store } = await openDesk();
      const limits = { requestsPerMinute: 5, budget: { limitNanoUsd: 7n, period: "day" as const } };
      const old = await store.create({
        tenantId: "acme",
        description: "build",
        limits,
        modelsAllowed: ["a"],
      });
      await store.verify(old.secret);
      const fresh = await store.rotate(old.key.id);
      expect(fresh.key).toMatchObject({
        description: "build",
        limits,
        modelsAllowed: ["a"],
        rotatedFrom: old.key.id,
      });
      expect(fresh.secret).not.toBe(old.secret);
      expect(await store.verify(fresh.secret)).toMatchObject({ keyId: fresh.key.id, limits });
      expect(await failureOf(() => store.verify(old.secret))).toMatchObject({
        detail: { code: "key_inactive" },
      });
    });

    test("rotation with grace lets the old secret work so long, but never beyond its own end", async () => {
      const { store, clock } = await openDesk();
      const plain = await store.create({ tenantId: "acme" });
      const ending = await store.create({ tenantId: "acme", expiresAtMs: START_MS + 500 });
      await store.rotate(plain.key.id, { graceMs: 10_000 });
      await store.rotate(ending.key.id, { graceMs: 10_000 });
      expect(await store.show(ending.key.id)).toMatchObject({ expiresAtMs: START_MS + 500 });
      clock.nowMs += 9999;
      expect(await store.verify(plain.secret)).toMatchObject({ keyId: plain.key.id });
      clock.nowMs += 1;
      expect(await failureOf(() => store.verify(plain.secret))).toMatchObject({
        detail: { code: "key_expired" },
      });
    });

    test("every key of a line of rotations is limited as the first of them", async () => {
      const { store, database } = await openDesk();
      const first = await store.create({ tenantId: "acme" });
      const second = await store.rotate(first.key.id, { graceMs: 10_000 });
      const third = await store.rotate(second.key.id, { graceMs: 10_000 });
      const other = await store.create({ tenantId: "acme" });
      expect(await store.verify(first.secret)).not.toHaveProperty("limitsKeyId");
      expect(await store.verify(second.secret)).toMatchObject({ limitsKeyId: first.key.id });
      expect(await store.verify(third.secret)).toMatchObject({
        keyId: third.key.id,
        limitsKeyId: first.key.id,
      });
      expect(await store.verify(other.secret)).not.toHaveProperty("limitsKeyId");
      await database.sql`DELETE FROM api_keys WHERE id = ${first.key.id}`;
      const reader = createDesk(database).store;
      for (const { secret } of [second, third])
        expect(await reader.verify(secret)).toMatchObject({ limitsKeyId: first.key.id });
    });

    test("a key is rotated once, also when two ask at the same time", async () => {
      const { store } = await openDesk();
      for (const options of [{}, { graceMs: 1000 }]) {
        const { key } = await store.create({ tenantId: "acme" });
        const outcomes = await Promise.allSettled([
          store.rotate(key.id, options),
          store.rotate(key.id, options),
        ]);
        expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
        expect(await rejection(store.rotate(key.id))).toMatchObject({
          detail: { code: "key_not_rotatable" },
        });
      }
    });

    test("lists newest first, by tenant, usable ones only on demand", async () => {
      const { store, clock } = await openDesk();
      const keys = [];
      for (const tenantId of ["acme", "acme", "other"]) {
        keys.push((await store.create({ tenantId, expiresAtMs: START_MS + 1000 })).key.id);
        clock.nowMs += 10;
      }
      const idsOf = async (filter?: Parameters<KeyStore["list"]>[0]) =>
        (await store.list(filter)).map(({ id }) => id);
      expect(await idsOf()).toEqual(keys.toReversed());
      expect(await idsOf({ tenantId: "acme" })).toEqual(keys.slice(0, 2).toReversed());
      await store.deactivate(keys[0] ?? "");
      expect(await idsOf({ tenantId: "acme", onlyUsable: true })).toEqual(keys.slice(1, 2));
      clock.nowMs += 1000;
      expect(await idsOf({ onlyUsable: true })).toEqual([]);
    });

    test("an id nobody has is not found", async () => {
      const { store } = await openDesk();
      for (const call of [() => store.show("x"), () => store.deactivate("x"), () => store.rotate("x")]) {
        expect(await failureOf(call)).toMatchObject({ status: 404, detail: { code: "key_not_found" } });
      }
    });

    test("last use is written in batches, never goes back, and survives the end", async () => {
      const url = await bench.emptyDatabase();
      const { store, clock } = createDesk(await bench.reopen(url));
      const other = createDesk(await bench.reopen(url), { nowMs: START_MS - 60_000 });
      const ids = [];
      for (let count = 0; count < 300; count += 1)
        ids.push((await store.create({ tenantId: "acme" })).key.id);
      for (const id of ids) store.touch(id);
      clock.nowMs += 1000;
      const [first = "", second = ""] = ids;
      store.touch(first);
      await store.close();
      other.store.touch(first);
      await other.store.flush();
      expect(await store.show(first)).toMatchObject({ lastUsedAtMs: START_MS + 1000 });
      expect(await store.show(second)).toMatchObject({ lastUsedAtMs: START_MS });
      expect((await store.list()).filter((key) => key.lastUsedAtMs === undefined)).toEqual([]);
    });
  });

  describe("tenants", () => {
    test("come with their first key or by themselves, once", async () => {
      const { store, database, clock } = await openDesk();
      const tenants = createTenantStore({ database, now: () => clock.nowMs });
      const { key } = await store.create({ tenantId: "acme" });
      await store.create({ tenantId: "acme" });
      await store.deactivate(key.id);
      await tenants.create({ id: "beta", name: "Beta Inc." });
      expect(await tenants.list()).toEqual([
        { id: "acme", name: "acme", isActive: true, createdAtMs: START_MS, activeKeys: 1 },
        { id: "beta", name: "Beta Inc.", isActive: true, createdAtMs: START_MS, activeKeys: 0 },
      ]);
      expect(await rejection(tenants.create({ id: "beta" }))).toMatchObject({
        detail: { code: "tenant_exists" },
      });
      expect(await rejection(tenants.show("gamma"))).toMatchObject({ detail: { code: "tenant_not_found" } });
      expect(await rejection(tenants.setActive("gamma", true))).toMatchObject({ kind: "not_found" });
    });
  });
}
