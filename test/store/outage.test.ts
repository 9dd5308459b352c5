/** The database is killed under a running gateway's stores, and comes back: properties P28 and P29. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { UsageRecord } from "#model/usage-record.ts";
import { type Database, openDatabase } from "#store/database.ts";
import { createKeyStore } from "#store/key-store.ts";
import { openUsage } from "./open-usage.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { failureOf, rejection } from "./rejection.ts";
import { startSilentProxy } from "./silent-proxy.ts";

const START_MS = Date.UTC(2026, 0, 1);
const unavailable = { kind: "unavailable", status: 503, detail: { code: "store_unavailable" } };
const secretOf = (letter: string) => `XJP_${letter.repeat(43)}`;

const record: UsageRecord = {
  kind: "request",
  id: "r1",
  requestId: "r1",
  tenantId: "acme",
  keyId: "key_1",
  logicalModel: "model",
  protocolIn: "gemini",
  isStream: false,
  outcome: "ok",
  status: 200,
  usage: {},
  costNanoUsd: 100,
  costSource: "price_table",
  totalMs: 1,
  attempts: 1,
  createdAtMs: START_MS,
};

describe("while PostgreSQL is dead", () => {
  const held: { server?: Postgres; database?: Database } = {};
  const running = () => {
    if (!held.server || !held.database) throw new Error("PostgreSQL has not been started");
    return { server: held.server, database: held.database };
  };

  beforeAll(async () => {
    held.server = await startPostgres();
    held.database = await openDatabase(held.server.url);
  }, 60_000);
  afterAll(async () => {
    await held.database?.close();
    await held.server?.stop();
  }, 60_000);

  test("known keys verify, unknown ones are unavailable, and all recovers without a restart", async () => {
    const { server, database } = running();
    const clock = { nowMs: START_MS };
    const failures: unknown[] = [];
    const keys = createKeyStore({
      database,
      now: () => clock.nowMs,
      onFailure: (error) => failures.push(error),
    });
    const usage = openUsage(database);
    const known = await keys.create({ tenantId: "acme" });
    const ending = await keys.create({ tenantId: "acme", expiresAtMs: START_MS + 3_600_000 });
    const unseen = await keys.create({ tenantId: "acme" });
    await keys.verify(known.secret);
    await keys.verify(ending.secret);

    await server.kill();
    for (const waitMs of [0, 600, 5000, 60_000]) {
      clock.nowMs += waitMs;
      expect(await keys.verify(known.secret)).toMatchObject({ keyId: known.key.id });
      expect(await failureOf(() => keys.verify(unseen.secret))).toMatchObject(unavailable);
      expect(await failureOf(() => keys.verify(secretOf("b")))).toMatchObject(unavailable);
      expect(await failureOf(() => keys.verify("nonsense"))).toMatchObject({ status: 401 });
    }
    expect(keys.verify(known.secret)).not.toBeInstanceOf(Promise);
    clock.nowMs = START_MS + 3_600_000;
    expect(await failureOf(() => keys.verify(ending.secret))).toMatchObject({
      detail: { code: "key_expired" },
    });
    keys.touch(known.key.id);
    const touchedAtMs = clock.nowMs;
    expect(await rejection(keys.flush())).toMatchObject(unavailable);
    expect(await rejection(usage.insert([record]))).toMatchObject(unavailable);
    expect(await rejection(keys.create({ tenantId: "acme" }))).toMatchObject(unavailable);
    expect(failures.length).toBeGreaterThan(0);

    await server.restart();
    expect(await keys.verify(unseen.secret)).toMatchObject({ keyId: unseen.key.id });
    expect(await failureOf(() => keys.verify(secretOf("b")))).toMatchObject({ status: 401 });
    await usage.insert([record]);
    await usage.insert([record]);
    expect(await usage.spentNanoUsd("key_1", 0)).toBe(100n);
    await keys.flush();
    expect(await keys.show(known.key.id)).toMatchObject({ lastUsedAtMs: touchedAtMs });
    await database.sql`UPDATE api_keys SET is_active = 0 WHERE id = ${known.key.id}`;
    clock.nowMs += 1000;
    expect(await failureOf(() => keys.verify(known.secret))).toMatchObject({
      detail: { code: "key_inactive" },
    });
  }, 60_000);

  test("a transaction that is cut off leaves nothing and fails as unavailable", async () => {
    const { server, database } = running();
    const cut = database.transaction(async (sql) => {
      await sql`INSERT INTO tenants ${sql.rows([{ id: "half", name: "half", created_at: 1 }])}`;
      await server.kill();
      await sql`INSERT INTO tenants ${sql.rows([{ id: "whole", name: "whole", created_at: 1 }])}`;
    });
    expect(await rejection(cut)).toMatchObject(unavailable);
    await server.restart();
    expect(await database.sql`SELECT id FROM tenants WHERE id IN ('half', 'whole')`).toHaveLength(0);
  }, 60_000);

  test("opening fails as unavailable and never shows the URL's password", async () => {
    const failure = await rejection(openDatabase("postgres://user:hunter2@127.0.0.1:1/nothing"));
    expect(failure).toMatchObject(unavailable);
    expect(failure instanceof Error && failure.message).not.toContain("hunter2");
  });
});

test("a network that falls silent fails as unavailable, and new connections take over", async () => {
  const server = await startPostgres();
  using proxy = startSilentProxy(Number(new URL(server.url).port));
  const url = server.url.replace(/:\d+\//, `:${proxy.port}/`);
  const database = await openDatabase(url, { statementTimeoutMs: 100 });
  const many = () => Promise.allSettled(Array.from({ length: 30 }, () => database.sql`SELECT 1 AS one`));
  const statusesOf = async () => new Set((await many()).map(({ status }) => status));
  expect(await statusesOf()).toEqual(new Set(["fulfilled"]));
  proxy.muteOpen();
  expect(await rejection(database.transaction((sql) => sql`SELECT 1 AS one`))).toMatchObject(unavailable);
  expect(await statusesOf()).toEqual(new Set(["rejected"]));
  expect(await statusesOf()).toEqual(new Set(["fulfilled"]));
  await database.close();
  await server.stop();
}, 60_000);

test("a server that accepts and never answers is unavailable when the deadline has passed", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const url = `postgres://user@127.0.0.1:${silent.port}/nothing`;
  expect(await rejection(openDatabase(url, { statementTimeoutMs: 50 }))).toMatchObject(unavailable);
}, 20_000);

test("on SQLite too, known keys outlive the database", async () => {
  const clock = { nowMs: START_MS };
  const database = await openDatabase("sqlite::memory:");
  const keys = createKeyStore({ database, now: () => clock.nowMs });
  const known = await keys.create({ tenantId: "acme" });
  await keys.verify(known.secret);
  await database.close();
  clock.nowMs += 60_000;
  expect(await keys.verify(known.secret)).toMatchObject({ keyId: known.key.id });
  expect(await failureOf(() => keys.verify(secretOf("b")))).toMatchObject(unavailable);
});
