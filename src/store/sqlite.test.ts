import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type Sql } from "./database.ts";
import { sqlitePath } from "./sqlite.ts";
import { text } from "./usage-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "xjp-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["sqlite:./data/xjp.db", "./data/xjp.db"],
  ["sqlite:/var/lib/xjp.db", "/var/lib/xjp.db"],
  ["sqlite://data/xjp.db", "data/xjp.db"],
  ["sqlite:///var/lib/xjp.db", "/var/lib/xjp.db"],
  ["sqlite:xjp.db?mode=rwc", "xjp.db"],
  ["sqlite::memory:", ":memory:"],
  ["sqlite://:memory:", ":memory:"],
  ["sqlite:", ":memory:"],
])("%s opens %s", (url, path) => {
  expect(sqlitePath(url)).toBe(path);
});

test("a new database and its side files are for their owner only", async () => {
  const database = await openDatabase(`sqlite:${join(folder, "new", "xjp.db")}`);
  await database.sql`INSERT INTO tenants ${database.sql.rows([{ id: "a", name: "a", created_at: 1 }])}`;
  const files = readdirSync(join(folder, "new"));
  expect(files).toContain("xjp.db-wal");
  for (const name of files)
    expect([name, statSync(join(folder, "new", name)).mode & 0o077]).toEqual([name, 0]);
  await database.close();
});

test("a transaction holds the write lock from its start, and who cannot have it in time is told so", async () => {
  const url = `sqlite:${join(folder, "locked", "xjp.db")}`;
  const [holder, other] = [await openDatabase(url), await openDatabase(url)];
  const insert = (sql: Sql, id: string) =>
    sql`INSERT INTO tenants ${sql.rows([{ id, name: id, created_at: 1 }])}`;
  await holder.transaction(async (sql) => {
    await sql`SELECT id FROM tenants`;
    const refused = await insert(other.sql, "other").then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ kind: "unavailable", detail: { code: "store_unavailable" } });
    expect(await other.sql`SELECT id FROM tenants`).toHaveLength(0);
    await insert(sql, "holder");
  });
  await insert(other.sql, "other");
  expect(await holder.sql`SELECT id FROM tenants`).toHaveLength(2);
  await holder.close();
  await other.close();
}, 20_000);

test("who waits for the write lock lets the process go on, and has it when it is free", async () => {
  const url = `sqlite:${join(folder, "waiting", "xjp.db")}`;
  const [holder, other] = [await openDatabase(url), await openDatabase(url)];
  const tenant = (id: string) => ({ id, name: id, created_at: 1 });
  const waiting: Promise<unknown>[] = [];
  await holder.transaction(async (sql) => {
    await sql`INSERT INTO tenants ${sql.rows([tenant("holder")])}`;
    // Only because none of these stands still until it has the lock can the holder's transaction end at all.
    waiting.push(
      other.sql`INSERT INTO tenants ${other.sql.rows([tenant("one")])}`,
      other.insertUsage([text("two", 1)]),
      other.transaction(async (inner) => inner`INSERT INTO tenants ${inner.rows([tenant("three")])}`),
    );
    // Reading waits for nobody, not even behind a transaction that waits to begin.
    expect(await other.sql`SELECT id FROM tenants`).toHaveLength(0);
  });
  await Promise.all(waiting);
  const rows = await holder.sql`SELECT id FROM tenants ORDER BY id`;
  expect(rows.map((row) => row["id"])).toEqual(["holder", "one", "three"]);
  expect(await holder.sql`SELECT id FROM usage_logs`).toHaveLength(1);
  await holder.close();
  await other.close();
});

test.each(["mysql://user:hunter2@host/name", "xjp.db", "", "http://host/x"])(
  "%j is refused without being repeated",
  async (url) => {
    const failed = openDatabase(url).then(
      () => undefined,
      (error: unknown) => error,
    );
    const failure = await failed;
    expect(failure).toMatchObject({ kind: "bad_request", detail: { code: "database_url_invalid" } });
    expect(String(failure)).not.toContain("hunter2");
  },
);
