import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { openLedgerFixture, rejectionOf, type LedgerFixture } from "./ledger-fixture.ts";
import { admission, CREATED_AT_MS, row, rowsOf } from "./rows.ts";
import { BATCH_RECORDS, openJournal } from "#ledger/journal.ts";
import { createSpentReader } from "#ledger/read-spent.ts";
import { createWriter, type WriterEvent } from "#ledger/writer.ts";
import { encodeUsage } from "#store/usage-text.ts";

function start(fixture: LedgerFixture) {
  const clock = new VirtualClock();
  const events: WriterEvent[] = [];
  const journal = openJournal(fixture.journalFolder, { clock, segmentBytesMax: 4_000 });
  const writer = createWriter(journal, fixture.sink, {
    clock,
    random: () => 1,
    onEvent: (event) => events.push(event),
  });
  return { clock, events, journal, writer };
}

/** Time in small steps: between them the pump has turns enough for all its batches. */
async function pass(clock: VirtualClock, byMs: number): Promise<void> {
  for (let step = 0; step < 50; step++) await clock.advance(byMs / 50);
}

const idsOf = async (fixture: LedgerFixture) => (await fixture.rows()).map(({ id }) => id);

describe("the writer", () => {
  test("brings rows to SQL within its interval, by itself", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, journal } = start(fixture);
    await clock.advance(0);
    journal.settle(rowsOf("r1"));
    await pass(clock, 250);
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1"]);
    expect(journal.backlog.records).toBe(0);
  });

  test("lets no full batch wait for the interval", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, journal } = start(fixture);
    await clock.advance(0);
    const requests = BATCH_RECORDS / 2;
    for (let index = 1; index < requests; index++) journal.settle(rowsOf(`r${index}`));
    await pass(clock, 1);
    expect(journal.backlog.records).toBe(BATCH_RECORDS - 2);
    journal.settle(rowsOf("last"));
    await pass(clock, 1);
    expect(journal.backlog.records).toBe(0);
    expect(await idsOf(fixture)).toHaveLength(BATCH_RECORDS);
  });

  test("keeps everything while the database is away and delivers it when it is back, with no restart", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, events, journal } = start(fixture);
    await clock.advance(0);
    fixture.faults.isDown = true;
    const expected: string[] = [];
    for (let index = 100; index < 160; index++) {
      journal.settle(rowsOf(`r${index}`));
      expected.push(`r${index}`, `r${index}.1`);
      await pass(clock, 500);
    }
    expect(await idsOf(fixture)).toEqual([]);
    expect(journal.backlog.records).toBe(120);
    const waits = events.flatMap((event) => (event.type === "failed" ? [event.retryInMs] : []));
    expect(waits.slice(0, 7)).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
    fixture.faults.isDown = false;
    await pass(clock, 5_000);
    expect(await idsOf(fixture)).toEqual(expected);
    expect(journal.backlog).toEqual({ records: 0, bytes: 0, open: 0 });
  });

  test("makes no second row when the database took the first and its answer got lost", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, journal } = start(fixture);
    await clock.advance(0);
    fixture.faults.losesAnswers = true;
    for (let index = 0; index < 20; index++) journal.settle(rowsOf(`r${index}`));
    await pass(clock, 1_000);
    expect(journal.backlog.records).toBe(40);
    fixture.faults.losesAnswers = false;
    await pass(clock, 5_000);
    expect(await idsOf(fixture)).toHaveLength(40);
    expect(await fixture.store.spentNanoUsd("key-1", 0)).toBe(140n);
    expect(journal.backlog.records).toBe(0);
  });

  test("sets aside a row the database refuses, and is not held up by it; the next start tries again", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, events, journal } = start(fixture);
    await clock.advance(0);
    fixture.faults.refusedIds.add("r2.1");
    for (const id of ["r1", "r2", "r3"]) journal.settle(rowsOf(id));
    await pass(clock, 1_000);
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1", "r2", "r3", "r3.1"]);
    expect(events).toMatchObject([{ type: "refused", rows: [{ record: { id: "r2.1" } }] }]);
    expect(readFileSync(join(fixture.journalFolder, "refused.rows"), "utf8")).toBe(
      `${encodeUsage([row("r2.1", "r2")])}\n`,
    );
    journal.close();
    const again = start(fixture);
    await again.writer.flush();
    expect(readdirSync(fixture.journalFolder)).toContain("refused.rows");
    again.journal.close();
    fixture.faults.refusedIds.clear();
    const mended = start(fixture);
    await mended.writer.flush();
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1", "r2", "r2.1", "r3", "r3.1"]);
    mended.journal.close();
    expect(readdirSync(fixture.journalFolder)).toEqual([]);
  });

  test("flushes what was settled before the call, and says so if it cannot", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { journal, writer } = start(fixture);
    journal.settle(rowsOf("r1"));
    await writer.flush();
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1"]);
    fixture.faults.isDown = true;
    journal.settle(rowsOf("r2"));
    expect(await rejectionOf(writer.flush())).toMatchObject({ kind: "unavailable" });
  });

  test("drains when it is closed, and leaves no file and no timer behind", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, journal, writer } = start(fixture);
    journal.admitted(admission("r1"));
    journal.settle(rowsOf("r1"));
    expect(await writer.close(1_000)).toBe(true);
    journal.close();
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1"]);
    expect(clock.pending).toBe(0);
    expect(Array.from(new Bun.Glob("*").scanSync(fixture.journalFolder))).toEqual([]);
  });

  test("gives up draining at its deadline, and the next start finds the rest", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, journal, writer } = start(fixture);
    fixture.faults.isDown = true;
    journal.settle(rowsOf("r1"));
    const closing = writer.close(3_000);
    await pass(clock, 3_000);
    expect(await closing).toBe(false);
    journal.close();
    fixture.faults.isDown = false;
    const next = start(fixture);
    await next.writer.flush();
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1"]);
  });

  test("recovers a process that dies beside it, within its interval", async () => {
    await using fixture = await openLedgerFixture("memory");
    const survivor = start(fixture);
    await survivor.clock.advance(0);
    const other = openJournal(fixture.journalFolder, { clock: survivor.clock });
    other.settle(rowsOf("r1"));
    other.admitted(admission("r2"));
    await pass(survivor.clock, 20_000);
    expect(await idsOf(fixture)).toEqual([]);
    other.close();
    await pass(survivor.clock, 20_000);
    expect(await fixture.rows()).toEqual([
      { id: "r1", outcome: "ok" },
      { id: "r1.1", outcome: "ok" },
      { id: "r2", outcome: "interrupted" },
    ]);
    expect(survivor.events).toEqual([
      { type: "recovered", recovery: { owners: 1, records: 3, interrupted: 1 } },
    ]);
  });

  test("goes on with its own rows beside a dead process's file that cannot be read, and keeps saying so", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { clock, events, journal } = start(fixture);
    mkdirSync(join(fixture.journalFolder, "1-abcdef.000001.jsonl"));
    await clock.advance(0);
    journal.settle(rowsOf("r1"));
    await pass(clock, 10_000);
    expect(await idsOf(fixture)).toEqual(["r1", "r1.1"]);
    const failures = events.filter(({ type }) => type === "failed");
    expect(failures.length).toBeGreaterThan(3);
    rmdirSync(join(fixture.journalFolder, "1-abcdef.000001.jsonl"));
    events.length = 0;
    await pass(clock, 10_000);
    expect(events).toEqual([]);
  });

  test("lets sums be read beside such a file, and recovers the other dead processes", async () => {
    await using fixture = await openLedgerFixture("memory");
    const dead = openJournal(fixture.journalFolder, { clock: new VirtualClock() });
    dead.settle(rowsOf("r1"));
    dead.close();
    // Sorts before the other.
    mkdirSync(join(fixture.journalFolder, "0-abcdef.000001.jsonl"));
    mkdirSync(join(fixture.journalFolder, "refused.retry"));
    const { events, journal, writer } = start(fixture);
    journal.settle(rowsOf("r2"));
    const readSpent = createSpentReader(writer, fixture.store);
    const query = { keyId: "key-1", daySinceMs: CREATED_AT_MS, budgetSinceMs: 0 };
    expect(await readSpent(query)).toEqual({ requestsToday: 2, spentNanoUsd: 14n });
    expect(await readSpent(query)).toEqual({ requestsToday: 2, spentNanoUsd: 14n });
    expect(events.filter(({ type }) => type === "failed")).toMatchObject([
      { failure: { kind: "internal", detail: { code: "journal_unreadable" } } },
    ]);
  });

  test("does not let sums be read while a dead process's rows wait for the database", async () => {
    await using fixture = await openLedgerFixture("memory");
    const dead = openJournal(fixture.journalFolder, { clock: new VirtualClock() });
    dead.settle(rowsOf("r1"));
    dead.close();
    fixture.faults.isDown = true;
    const { writer } = start(fixture);
    const readSpent = createSpentReader(writer, fixture.store);
    const query = { keyId: "key-1", daySinceMs: CREATED_AT_MS, budgetSinceMs: 0 };
    expect(await rejectionOf(readSpent(query))).toMatchObject({ kind: "unavailable" });
    fixture.faults.isDown = false;
    expect(await readSpent(query)).toEqual({ requestsToday: 1, spentNanoUsd: 7n });
  });

  test("lets sums be read that include what was only in the journal", async () => {
    await using fixture = await openLedgerFixture("memory");
    const { journal, writer } = start(fixture);
    journal.settle(rowsOf("r1"));
    await writer.flush();
    journal.settle(rowsOf("r2"));
    const readSpent = createSpentReader(writer, fixture.store);
    const query = { keyId: "key-1", daySinceMs: CREATED_AT_MS, budgetSinceMs: 0 };
    expect(await readSpent(query)).toEqual({ requestsToday: 2, spentNanoUsd: 14n });
    expect(await readSpent({ ...query, daySinceMs: CREATED_AT_MS + 1 })).toMatchObject({ requestsToday: 0 });
    fixture.faults.isDown = true;
    journal.settle(rowsOf("r3"));
    expect(await rejectionOf(readSpent(query))).toMatchObject({ kind: "unavailable" });
  });
});
