import { describe, expect, test } from "bun:test";
import type { Database, Sql } from "#store/database.ts";
import { createKeyStore, type KeyStore } from "#store/key-store.ts";
import { createTenantStore } from "#store/tenant-store.ts";
import { failureOf, rejection } from "./rejection.ts";
import type { Bench } from "./store-battery.ts";

const START_MS = Date.UTC(2026, 0, 1);
const UNKNOWN_SECRET = `XJP_${"a".repeat(43)}`;

interface Desk {
  readonly database: Database;
  readonly clock: { nowMs: number };
  readonly store: KeyStore;
  readonly failures: unknown[];
}

function createDesk(database: Database, clock = { nowMs: START_MS }): Desk {
  const failures: unknown[] = [];
  const store = createKeyStore({
    database,
    now: () => clock.nowMs,
    onFailure: (error) => failures.push(error),
  });
  return { database, clock, store, failures };
}

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

interface Watched {
  readonly database: Database;
  started(): number;
  /** Resolves when every statement has answered and its answer has been taken in. */
  settled(): Promise<void>;
}

/** The same database, with the statements outside transactions watched. */
function watchStatements(database: Database): Watched {
  const statements: Promise<unknown>[] = [];
  const run = (...given: Parameters<Sql>) => {
    const statement = database.sql(...given);
    statements.push(statement);
    return statement;
  };
  const watched = Object.assign(run, { ...database.sql });
  return {
    database: { ...database, sql: watched, within: () => watched },
    started: () => statements.length,
    async settled() {
      await Promise.allSettled(statements);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
