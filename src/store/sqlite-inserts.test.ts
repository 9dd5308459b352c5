import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { migrations } from "./migrations.ts";
import { SqliteInserts } from "./sqlite-inserts.ts";
import { toStoreFailure } from "./store-failure.ts";
import { text } from "./usage-fixture.ts";

function openUsage() {
  const folder = mkdtempSync(join(tmpdir(), "inserts-"));
  const path = join(folder, "usage.db");
  const database = new Database(path, { create: true });
  database.run("PRAGMA journal_mode = WAL");
  for (const migration of migrations) database.run(migration.text);
  return {
    path,
    database,
    rows: () => database.query("SELECT id, total_ms FROM usage_logs ORDER BY id").values(),
    [Symbol.dispose]() {
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => "inserted",
    (error: unknown) => toStoreFailure(error),
  );
}

test("rows are there for everybody when the insert resolves, in the order of the calls, and once", async () => {
  using fixture = openUsage();
  const inserts = new SqliteInserts(fixture.path);
  const first = inserts.insert([text("a", 1), text("b", Number.MAX_SAFE_INTEGER)]);
  await Promise.all([first, inserts.insert([text("a", 2)])]);
  expect(fixture.rows()).toEqual([
    ["a", 1],
    ["b", Number.MAX_SAFE_INTEGER],
  ]);
  await inserts.close();
});

test("without rows nothing is done", async () => {
  using fixture = openUsage();
  const inserts = new SqliteInserts(fixture.path);
  await inserts.insert([]);
  expect(fixture.rows()).toEqual([]);
  await inserts.close();
});

test("a refused row takes its whole call with it, and is the rows' fault, not an outage", async () => {
  using fixture = openUsage();
  fixture.database.run(
    "CREATE TRIGGER refusing BEFORE INSERT ON usage_logs WHEN NEW.id = 'refused' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  const inserts = new SqliteInserts(fixture.path);
  const failure = await failureOf(inserts.insert([text("a", 1), text("refused", 2)]));
  expect(failure).toMatchObject({ kind: "internal", detail: { code: "store_refused" } });
  expect(fixture.rows()).toEqual([]);
  await inserts.insert([text("c", 3)]);
  expect(fixture.rows()).toEqual([["c", 3]]);
  await inserts.close();
});

test("while another has the file locked, this thread goes on and the rows wait", async () => {
  using fixture = openUsage();
  const inserts = new SqliteInserts(fixture.path);
  await inserts.insert([text("a", 1)]);
  fixture.database.run("BEGIN IMMEDIATE");
  let isDone = false;
  const insert = inserts.insert([text("b", 2)]).then(() => (isDone = true));
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(false);
  fixture.database.run("COMMIT");
  await insert;
  expect(fixture.rows()).toHaveLength(2);
  await inserts.close();
});

test("a file that is not there is an outage", async () => {
  const inserts = new SqliteInserts(join(tmpdir(), "inserts-nowhere", "usage.db"));
  expect(await failureOf(inserts.insert([text("a", 1)]))).toMatchObject({ kind: "unavailable" });
  await inserts.close();
});

test("what a dying thread had not confirmed is an outage, and the next insert has a thread again", async () => {
  const dying = URL.createObjectURL(
    new Blob(["self.onmessage = () => { throw new Error('gone'); };"], { type: "application/javascript" }),
  );
  const inserts = new SqliteInserts("usage.db", dying);
  const lost = [inserts.insert([text("a", 1)]), inserts.insert([text("b", 1)])];
  for (const insert of lost) expect(await failureOf(insert)).toMatchObject({ kind: "unavailable" });
  expect(await failureOf(inserts.insert([text("a", 1)]))).toMatchObject({ kind: "unavailable" });
  await inserts.close();
});

test("closing waits for what was asked for, and takes no more", async () => {
  using fixture = openUsage();
  const inserts = new SqliteInserts(fixture.path);
  const insert = inserts.insert([text("a", 1)]);
  await inserts.close();
  await insert;
  expect(fixture.rows()).toEqual([["a", 1]]);
  expect(await failureOf(inserts.insert([text("b", 1)]))).toMatchObject({ kind: "unavailable" });
});

test("when closing resolves, the file is closed here: its last owner leaves it whole and alone", async () => {
  using fixture = openUsage();
  const inserts = new SqliteInserts(fixture.path);
  await inserts.insert([text("a", 1)]);
  await inserts.close();
  fixture.database.close();
  expect(readdirSync(dirname(fixture.path))).toEqual(["usage.db"]);
});

test("after a failure the file is opened anew, since what was wrong with it may be over", async () => {
  using wrong = openUsage();
  using mended = openUsage();
  const inserts = new SqliteInserts(wrong.path);
  wrong.database.run("DROP TABLE usage_logs");
  expect(await failureOf(inserts.insert([text("a", 1)]))).toMatchObject({ kind: "internal" });
  mended.database.run("PRAGMA journal_mode = DELETE");
  for (const side of ["-wal", "-shm"]) rmSync(`${wrong.path}${side}`, { force: true });
  renameSync(mended.path, wrong.path);
  await inserts.insert([text("a", 1)]);
  await inserts.close();
  using found = new Database(wrong.path);
  expect(found.query("SELECT id, total_ms FROM usage_logs").values()).toEqual([["a", 1]]);
});

test("a thread that dies while the file is being closed holds up nobody", async () => {
  const dying = URL.createObjectURL(
    new Blob(
      [
        "self.onmessage = ({ data }) => { const { id, texts } = data; if (!texts) throw new Error('gone'); self.postMessage({ id }); };",
      ],
      { type: "application/javascript" },
    ),
  );
  const inserts = new SqliteInserts("usage.db", dying);
  await inserts.insert([text("a", 1)]);
  await inserts.close();
  expect(await failureOf(inserts.insert([text("b", 1)]))).toMatchObject({ kind: "unavailable" });
});
