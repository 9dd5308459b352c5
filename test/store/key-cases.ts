/** Cases of store-battery.ts: who is let in, for how long, and at what cost. */
import { describe, expect, test } from "bun:test";
import type { Sql } from "#store/database.ts";
import type { KeyStore } from "#store/key-store.ts";
import { createTenantStore } from "#store/tenant-store.ts";
import { createDesk, START_MS } from "./key-desk.ts";
import { failureOf, rejection } from "./rejection.ts";
import type { Bench } from "./store-battery.ts";
import { watchStatements } from "./watch-statements.ts";

const UNKNOWN_SECRET = `XJP_${"a".repeat(43)}`;

export function testKeys(bench: Bench): void {
  const openDesk = async () => createDesk(await bench.open());

  describe("keys", () => {
    test("verify as the caller they were made for, at once from the second time on", async () => {
      const { store } = await openDesk();
      const limits = {
        requestsPerMinute: 60,
        requestsPerDay: 1000,
        tokensPerMinute: 90_000,
        concurrencyMax: 4,
        budget: { limitNanoUsd: 2n ** 62n, period: "month" as const },
      };
      const { key, secret } = await store.create({ tenantId: "acme", limits, modelsAllowed: ["a", "b"] });
      const caller = {
        keyId: key.id,
        tenantId: "acme",
        keyPrefix: secret.slice(0, 10),
        limits,
        modelsAllowed: ["a", "b"],
      };
      const first = store.verify(secret);
      expect(first).toBeInstanceOf(Promise);
      expect(await first).toEqual(caller);
      expect(store.verify(secret)).toEqual(caller);
    });

    test("without limits carry none", async () => {
      const { store } = await openDesk();
      const { key, secret } = await store.create({ tenantId: "acme" });
      expect(await store.verify(secret)).toEqual({
        keyId: key.id,
        tenantId: "acme",
        keyPrefix: secret.slice(0, 10),
        limits: {},
      });
    });

    test("that nobody has are refused with one message, whatever is wrong with them", async () => {
      const { store } = await openDesk();
      const cases = [
        ["", "invalid_api_key_format"],
        ["sk-something-else", "invalid_api_key_format"],
        [`XJP_${"a".repeat(42)}`, "invalid_api_key_format"],
        [`XJP_${"a".repeat(42)}=`, "invalid_api_key_format"],
        [`${UNKNOWN_SECRET}a`, "invalid_api_key_format"],
        [`${UNKNOWN_SECRET}\n`, "invalid_api_key_format"],
        [UNKNOWN_SECRET, "invalid_api_key"],
        [UNKNOWN_SECRET, "invalid_api_key"],
      ] as const;
      const messages = new Set<unknown>();
      for (const [secret, code] of cases) {
        const failure = await failureOf(() => store.verify(secret));
        expect(failure).toMatchObject({ kind: "unauthenticated", status: 401, detail: { code } });
        messages.add(failure instanceof Error ? failure.message : failure);
      }
      expect(messages.size).toBe(1);
    });

    test("expire by the clock, without another look at the database", async () => {
      const { store, clock } = await openDesk();
      const { secret } = await store.create({ tenantId: "acme", expiresAtMs: START_MS + 100 });
      await store.verify(secret);
      clock.nowMs += 99;
      expect(store.verify(secret)).toMatchObject({ tenantId: "acme" });
      clock.nowMs += 1;
      expect(() => store.verify(secret)).toThrow(
        expect.objectContaining({ status: 403, detail: { code: "key_expired" } }),
      );
    });

    test("stop in this process with their revocation", async () => {
      const { store } = await openDesk();
      const { key, secret } = await store.create({ tenantId: "acme" });
      await store.verify(secret);
      const revoked = await store.deactivate(key.id);
      expect(revoked).toMatchObject({ isActive: false, revokedAtMs: START_MS });
      expect(await failureOf(() => store.verify(secret))).toMatchObject({
        status: 403,
        detail: { code: "key_inactive" },
      });
      expect(await store.deactivate(key.id)).toEqual(revoked);
    });

    test.each(["idle", "busy"])("stop within a second in other processes (%s there)", async (use) => {
      const url = await bench.emptyDatabase();
      const here = createDesk(await bench.reopen(url));
      const there = createDesk(await bench.reopen(url), here.clock);
      const { key, secret } = await here.store.create({ tenantId: "acme" });
      await there.store.verify(secret);
      await here.store.deactivate(key.id);
      if (use === "busy") {
        here.clock.nowMs += 499;
        expect(there.store.verify(secret)).toMatchObject({ keyId: key.id });
      }
      here.clock.nowMs = START_MS + 1000;
      expect(await failureOf(() => there.store.verify(secret))).toMatchObject({
        detail: { code: "key_inactive" },
      });
    });

    test("are looked up behind a busy caller's back, which never waits", async () => {
      const watched = watchStatements(await bench.open());
      const { store, clock } = createDesk(watched.database);
      const { key, secret } = await store.create({ tenantId: "acme" });
      await store.verify(secret);
      await watched.database.sql`UPDATE api_keys SET rate_limit_rpm = 7 WHERE id = ${key.id}`;
      for (let look = 1; look <= 10; look += 1) {
        clock.nowMs += 600;
        expect(store.verify(secret)).not.toBeInstanceOf(Promise);
        await watched.settled();
      }
      expect(store.verify(secret)).toMatchObject({ limits: { requestsPerMinute: 7 } });
    });

    test("work within a second after somebody made them by hand, and stop when their row is deleted", async () => {
      const { store, clock, database } = await openDesk();
      const { key, secret } = await store.create({ tenantId: "acme" });
      await database.sql`UPDATE api_keys SET key_hash = 'moved' WHERE id = ${key.id}`;
      expect(await failureOf(() => store.verify(secret))).toMatchObject({
        detail: { code: "invalid_api_key" },
      });
      const hash = new Bun.CryptoHasher("sha256").update(secret).digest("hex");
      await database.sql`UPDATE api_keys SET key_hash = ${hash} WHERE id = ${key.id}`;
      clock.nowMs += 1000;
      expect(await store.verify(secret)).toMatchObject({ keyId: key.id });
      await database.sql`DELETE FROM api_keys WHERE id = ${key.id}`;
      clock.nowMs += 1000;
      await rejection(Promise.resolve(store.verify(secret)));
      expect(await failureOf(() => store.verify(secret))).toMatchObject({
        detail: { code: "invalid_api_key" },
      });
    });

    test("are trusted no longer when the clock is set back", async () => {
      const { store, clock, database } = await openDesk();
      const { key, secret } = await store.create({ tenantId: "acme" });
      await store.verify(secret);
      await database.sql`UPDATE api_keys SET is_active = 0 WHERE id = ${key.id}`;
      clock.nowMs -= 3_600_000;
      expect(await failureOf(() => store.verify(secret))).toMatchObject({ detail: { code: "key_inactive" } });
    });

    test("with a list of models nobody can read allow no model", async () => {
      const { store, database } = await openDesk();
      const { secret } = await store.create({ tenantId: "acme" });
      await database.sql`UPDATE api_keys SET models_allowed = 'not json'`;
      expect(await store.verify(secret)).toMatchObject({ modelsAllowed: [] });
    });

    test("of a disabled tenant stop, and work again when it is enabled", async () => {
      const { store, clock, database } = await openDesk();
      const tenants = createTenantStore({ database, now: () => clock.nowMs });
      const { secret } = await store.create({ tenantId: "acme" });
      await store.verify(secret);
      await tenants.setActive("acme", false);
      clock.nowMs += 1000;
      expect(await failureOf(() => store.verify(secret))).toMatchObject({ detail: { code: "key_inactive" } });
      expect(await rejection(store.create({ tenantId: "acme" }))).toMatchObject({
        detail: { code: "tenant_inactive" },
      });
      await tenants.setActive("acme", true);
      clock.nowMs += 1000;
      expect(await store.verify(secret)).toMatchObject({ tenantId: "acme" });
    });

    test("keep no secret anywhere in the database", async () => {
      const url = await bench.emptyDatabase();
      const { store } = createDesk(await bench.reopen(url));
      const { key, secret } = await store.create({ tenantId: "acme", description: "canary-in-sight" });
      await store.verify(secret);
      store.touch(key.id);
      await store.flush();
      const found = { description: false, secret: false };
      for await (const bytes of bench.bytesOnDisk(url)) {
        found.description ||= Buffer.from(bytes).includes("canary-in-sight");
        found.secret ||= Buffer.from(bytes).includes(secret.slice(12));
      }
      expect(found).toEqual({ description: true, secret: false });
    });

    test("are found by their index among ten thousand", async () => {
      const url = await bench.emptyDatabase();
      const { store, database } = createDesk(await bench.reopen(url));
      await store.create({ tenantId: "acme" });
      await fillWithKeys(database.sql, 10_000);
      const plan = await bench.explain(
        url,
        `SELECT api_keys.*, tenants.is_active AS tenant_is_active
         FROM api_keys JOIN tenants ON tenants.id = api_keys.tenant_id
         WHERE api_keys.key_hash IN ('hash-1', 'hash-1')`,
      );
      expect(plan).toMatch(/USING INDEX sqlite_autoindex_api_keys|Index Scan using api_keys_key_hash_key/);
    });

    test("made up by the thousand cost a handful of statements", async () => {
      const watched = watchStatements(await bench.open());
      const { store } = createDesk(watched.database);
      const { secret } = await store.create({ tenantId: "acme" });
      const before = watched.started();
      const flood = Array.from({ length: 2000 }, (_, index) => `XJP_${String(index).padStart(43, "x")}`);
      const outcomes = await Promise.all([...flood, ...flood, secret].map((text) => outcomeOf(store, text)));
      expect(outcomes.filter((outcome) => outcome === "invalid_api_key")).toHaveLength(4000);
      expect(outcomes.at(-1)).toBe("acme");
      expect(watched.started() - before).toBeLessThanOrEqual(10);
      await Promise.all(flood.map((text) => outcomeOf(store, text)));
      expect(watched.started() - before).toBeLessThanOrEqual(10);
    });
  });
}

async function outcomeOf(store: KeyStore, secret: string): Promise<unknown> {
  try {
    return (await store.verify(secret)).tenantId;
  } catch (error) {
    return error instanceof Error && "detail" in error ? Object(error.detail).code : error;
  }
}

async function fillWithKeys(sql: Sql, count: number): Promise<void> {
  for (let start = 0; start < count; start += 1000) {
    const rows = Array.from({ length: 1000 }, (_, index) => ({
      id: `filler-${start + index}`,
      tenant_id: "acme",
      key_hash: `hash-${start + index}`,
      key_prefix: "XJP_filler",
      created_at: START_MS,
    }));
    await sql`INSERT INTO api_keys ${sql.rows(rows)}`;
  }
}
