/** Cases of store-battery.ts: usage rows are kept whole, once, and summed exactly. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { join } from "node:path";
import type { UsageRecord } from "#model/usage-record.ts";
import { createKeyStore } from "#store/key-store.ts";
import { type UsageGroup, usageGroups } from "#store/usage-store.ts";
import { openUsage } from "./open-usage.ts";
import { fullRecord, fullRow } from "./full-record.ts";
import type { Bench } from "./store-battery.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);

const request: UsageRecord = {
  kind: "request",
  id: "r1",
  requestId: "r1",
  tenantId: "acme",
  keyId: "key_1",
  logicalModel: "model",
  target: "connector/model",
  protocolIn: "openai-chat",
  isStream: false,
  outcome: "ok",
  status: 200,
  usage: { input: 10, output: 5 },
  costNanoUsd: 100,
  costSource: "price_table",
  totalMs: 12,
  attempts: 1,
  createdAtMs: START_MS,
};
const attempt: UsageRecord = { ...request, kind: "attempt", id: "r1.1" };

export function testUsage(bench: Bench): void {
  describe("usage", () => {
    test("keeps every field of a record", async () => {
      const database = await bench.open();
      await openUsage(database).insert([fullRecord, { ...request, id: "bare" }]);
      const [row] = await database.sql`SELECT * FROM usage_logs WHERE id = 'full'`;
      expect(plain(row)).toEqual(fullRow);
      const [bare] = await database.sql`SELECT * FROM usage_logs WHERE id = 'bare'`;
      expect(plain(bare)).toMatchObject({
        cache_read_tokens: null,
        error_kind: null,
        tags: null,
        first_token_ms: null,
      });
    });

    test("keeps what was empty in every record before, and leaves empty what is empty again", async () => {
      const database = await bench.open();
      const usage = openUsage(database);
      for (const record of [{ ...request, id: "before" }, fullRecord, { ...request, id: "after" }]) {
        await usage.insert([record]);
      }
      const rows = await database.sql`SELECT * FROM usage_logs ORDER BY id`;
      const [after, before, full] = rows.map(plain);
      expect(full).toEqual(fullRow);
      expect(after).toEqual({ ...before, id: "after" });
      expect(after).toMatchObject({ input_tokens: 10n, cache_read_tokens: null, served_model: null });
    });

    test("inserts a record once, whatever is tried again", async () => {
      const usage = openUsage(await bench.open());
      await usage.insert([]);
      await usage.insert([request, attempt]);
      await usage.insert([
        { ...request, costNanoUsd: 999 },
        attempt,
        { ...request, id: "r2", requestId: "r2" },
      ]);
      await usage.insert([request, request]);
      expect(await usage.spentNanoUsd("key_1", 0)).toBe(200n);
      expect(await usage.requestsSince("key_1", 0)).toBe(2);
    });

    test("takes batches larger than one statement, all or nothing", async () => {
      const database = await bench.open();
      const usage = openUsage(database);
      const records = Array.from({ length: 1001 }, (_, index) => ({ ...request, id: `r${index}` }));
      await usage.insert(records);
      expect(await usage.requestsSince("key_1", 0)).toBe(1001);
    });

    test("takes the same rows from several processes at once, each row once", async () => {
      const url = await bench.emptyDatabase();
      const usage = openUsage(await bench.reopen(url));
      const script = join(import.meta.dir, "insert-usage.ts");
      const processes = [1, 2, 3].map((seed) =>
        Bun.spawn([process.execPath, script, url, JSON.stringify(request), String(seed)], { stderr: "pipe" }),
      );
      const outcomes = await Promise.all(
        processes.map(async (child) => ({ code: await child.exited, errors: await child.stderr.text() })),
      );
      expect(outcomes).toEqual(processes.map(() => ({ code: 0, errors: "" })));
      expect(await usage.requestsSince("key_1", 0)).toBe(600);
      expect(await usage.spentNanoUsd("key_1", 0)).toBe(60_000n);
    }, 30_000);

    test("takes the same rows in crosswise orders without a deadlock", async () => {
      const usage = openUsage(await bench.open());
      for (let round = 0; round < 5; round += 1) {
        const rows = Array.from({ length: 250 }, (_, index) => ({ ...request, id: `${round}-${index}` }));
        await Promise.all([usage.insert(rows), usage.insert(rows.toReversed()), usage.insert(rows)]);
      }
      expect(await usage.requestsSince("key_1", 0)).toBe(1250);
    });

    test("makes hostile names and numbers fit instead of refusing the batch", async () => {
      const database = await bench.open();
      const usage = openUsage(database);
      await usage.insert([
        {
          ...request,
          logicalModel: `m\0odel\uD800${"x".repeat(10_000)}`,
          servedModel: "\0",
          usage: { input: 1.5, output: Number.NaN, cacheRead: 1e300, cacheWrite: Infinity, reasoning: 0 },
          totalMs: 0.4,
          firstTokenMs: 12.7,
          tags: { "a\0": "b\0" },
        },
      ]);
      const [row] = await database.sql`SELECT * FROM usage_logs`;
      expect(plain(row)).toMatchObject({
        logical_model: `m\uFFFDodel\uFFFD${"x".repeat(505)}`,
        served_model: "\uFFFD",
        input_tokens: 2n,
        output_tokens: null,
        cache_read_tokens: BigInt(Number.MAX_SAFE_INTEGER),
        cache_write_tokens: null,
        reasoning_tokens: 0n,
        total_ms: 0n,
        first_token_ms: 13n,
      });
    });

    test("counts money and tokens once, attempts apart, unknown prices as unknown", async () => {
      const database = await bench.open();
      const usage = openUsage(database);
      const { costNanoUsd: _, ...unpriced } = request;
      await usage.insert([
        { ...request, attempts: 2 },
        { ...attempt, id: "r1.1", target: "other/model", outcome: "failed", status: 503, costNanoUsd: 0 },
        { ...attempt, id: "r1.2" },
        { ...unpriced, id: "r2", requestId: "r2", costSource: "unknown" },
        {
          ...unpriced,
          id: "r3",
          requestId: "r3",
          costNanoUsd: 0,
          costSource: "none",
          attempts: 0,
          outcome: "refused",
          usage: {},
        },
        // Killed on its way: nobody knows what it cost, though no attempt was booked.
        {
          ...unpriced,
          id: "r4",
          requestId: "r4",
          costSource: "unknown",
          attempts: 0,
          outcome: "interrupted",
          usage: {},
        },
      ]);
      const totals = {
        requests: 4,
        attempts: 2,
        requestsNotOk: 2,
        inputTokens: 20,
        outputTokens: 10,
        costNanoUsd: 100n,
        costUnknownRequests: 2,
      };
      expect(await usage.summarise({ by: "tenant", sinceMs: 0 })).toMatchObject([
        { group: "acme", ...totals },
      ]);
      expect(await usage.summarise({ by: "target", sinceMs: 0 })).toMatchObject([
        { group: "connector/model", requests: 4, attempts: 1, costNanoUsd: 100n },
        { group: "other/model", requests: 0, attempts: 1, costNanoUsd: 0n },
      ]);
      const [row] = await database.sql`
        SELECT SUM(requests) AS requests, SUM(attempts) AS attempts, SUM(cost_nano_usd) AS cost,
          SUM(input_tokens) AS input, SUM(cost_unknown_requests) AS unknown
        FROM usage_summary`;
      const sums = Object.values(row ?? {}).map(Number);
      expect(sums).toEqual([4, 2, 100, 20, 2]);
    });

    test("sums past 2^53 are exact", async () => {
      const usage = openUsage(await bench.open());
      const most = Number.MAX_SAFE_INTEGER;
      await usage.insert([1, 2, 3].map((n) => ({ ...request, id: `r${n}`, costNanoUsd: most })));
      expect(await usage.spentNanoUsd("key_1", 0)).toBe(3n * BigInt(most));
      expect(await usage.summarise({ by: "key", sinceMs: 0 })).toMatchObject([
        { costNanoUsd: 3n * BigInt(most) },
      ]);
    });

    test("is asked for by window, tenant and key, and by UTC day in order", async () => {
      const usage = openUsage(await bench.open());
      const at = (id: string, createdAtMs: number, more: Partial<UsageRecord> = {}) => ({
        ...request,
        ...more,
        id,
        createdAtMs,
      });
      await usage.insert([
        at("a", START_MS - 1),
        at("b", START_MS),
        at("c", START_MS + DAY_MS - 1, { keyId: "key_2" }),
        at("d", START_MS + DAY_MS, { tenantId: "other", keyId: "key_3", costNanoUsd: 900 }),
      ]);
      const groups = async (more: object) =>
        (await usage.summarise({ by: "day", sinceMs: 0, ...more })).map(({ group, requests }) => [
          group,
          requests,
        ]);
      expect(await groups({})).toEqual([
        ["2025-12-31", 1],
        ["2026-01-01", 2],
        ["2026-01-02", 1],
      ]);
      expect(await groups({ sinceMs: START_MS, untilMs: START_MS + DAY_MS })).toEqual([["2026-01-01", 2]]);
      expect(await groups({ tenantId: "other" })).toEqual([["2026-01-02", 1]]);
      expect(await groups({ keyId: "key_2" })).toEqual([["2026-01-01", 1]]);
      const byKey = await usage.summarise({ by: "key", sinceMs: 0 });
      expect(byKey.map(({ group }) => group)).toEqual(["key_3", "key_1", "key_2"]);
    });

    test("spending and counts follow a key through its rotations, and leave out what was refused", async () => {
      const database = await bench.open();
      const usage = openUsage(database);
      const { target: _, ...untargeted } = request;
      const keys = createKeyStore({ database, now: () => START_MS });
      const first = await keys.create({ tenantId: "acme" });
      const second = await keys.rotate(first.key.id);
      const third = await keys.rotate(second.key.id);
      await usage.insert([
        { ...request, id: "a", keyId: first.key.id, createdAtMs: START_MS - 1 },
        { ...request, id: "b", keyId: first.key.id },
        { ...request, id: "c", keyId: third.key.id },
        { ...untargeted, id: "d", keyId: third.key.id, outcome: "refused", costNanoUsd: 0 },
        { ...attempt, id: "c.1", keyId: third.key.id },
        { ...request, id: "e", keyId: "someone-else" },
      ]);
      for (const { key } of [first, second, third]) {
        expect(await usage.spentNanoUsd(key.id, START_MS)).toBe(200n);
        expect(await usage.spentNanoUsd(key.id, 0)).toBe(300n);
        expect(await usage.requestsSince(key.id, START_MS)).toBe(2);
        expect(await usage.requestsSince(key.id, 0)).toBe(3);
      }
      expect(await usage.spentNanoUsd("someone-else", 0)).toBe(100n);
    });

    test("what a key spent, and a tenant's report with its attempts, are found by an index", async () => {
      const url = await bench.emptyDatabase();
      const usage = openUsage(await bench.reopen(url));
      const records = Array.from({ length: 4000 }, (_, n) => {
        const whose = { keyId: `key_${n % 500}`, tenantId: `tenant_${n % 500}` };
        return [
          { ...request, ...whose, id: `r${n}` },
          { ...attempt, ...whose, id: `r${n}.1` },
        ];
      });
      await usage.insert(records.flat());
      const spent = await bench.explain(
        url,
        "SELECT SUM(cost_nano_usd) FROM usage_logs WHERE key_id IN ('key_1') AND kind = 'request' AND created_at >= 5",
      );
      expect(spent).toContain("usage_logs_key_id");
      const report = await bench.explain(
        url,
        "SELECT COUNT(*) FILTER (WHERE kind = 'attempt') FROM usage_logs WHERE created_at >= 5 AND tenant_id = 'tenant_1'",
      );
      expect(report).toContain("usage_logs_tenant_id");
    });

    test("sums equal those of the records, in whatever overlapping batches they came", async () => {
      const record = fc.record({
        n: fc.integer({ min: 0, max: 30 }),
        tenantId: fc.constantFrom("acme", "beta"),
        keyId: fc.constantFrom("key_1", "key_2"),
        logicalModel: fc.constantFrom("m1", "m2"),
        target: fc.constantFrom("c/m1", "c/m2"),
        day: fc.integer({ min: 0, max: 2 }),
        cost: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      });
      const database = await bench.open();
      const usage = openUsage(database);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 6 }), async (batches) => {
          await database.sql`DELETE FROM usage_logs`;
          const kept = new Map<string, UsageRecord>();
          for (const batch of batches) {
            const records = batch.map(({ n, day, cost, ...rest }): UsageRecord => ({
              ...request,
              ...rest,
              id: `r${n}`,
              costNanoUsd: cost,
              createdAtMs: START_MS + day * DAY_MS,
            }));
            await usage.insert(records);
            for (const one of records) if (!kept.has(one.id)) kept.set(one.id, one);
          }
          for (const by of usageGroups) {
            const sums = await usage.summarise({ by, sinceMs: 0 });
            expect(Object.fromEntries(sums.map((sum) => [sum.group, sum.costNanoUsd]))).toEqual(
              sumBy(by, kept.values()),
            );
          }
        }),
        { numRuns: 40 },
      );
    }, 60_000);
  });
}

function sumBy(by: UsageGroup, records: Iterable<UsageRecord>): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const record of records) {
    const group = groupOf(by, record);
    sums[group] = (sums[group] ?? 0n) + BigInt(record.costNanoUsd ?? 0);
  }
  return sums;
}

function groupOf(by: UsageGroup, record: UsageRecord): string {
  switch (by) {
    case "model":
      return record.logicalModel;
    case "key":
      return record.keyId;
    case "tenant":
      return record.tenantId;
    case "target":
      return record.target ?? "";
    case "day":
      return new Date(record.createdAtMs).toISOString().slice(0, 10);
  }
}

/** PostgreSQL gives an INTEGER as a number and a BIGINT as a bigint, SQLite both as bigint. */
function plain(row: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row ?? {}).map(([name, value]) => [
      name,
      typeof value === "number" ? BigInt(value) : value,
    ]),
  );
}
