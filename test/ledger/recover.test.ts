import { describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "#lib/clock.ts";
import { openLedgerFixture, rejectionOf, type LedgerFixture } from "./ledger-fixture.ts";
import { admission, rowsOf } from "./rows.ts";
import { encodeUsage } from "#store/usage-text.ts";
import { openJournal } from "#ledger/journal.ts";
import type { Damage } from "#ledger/read-lines.ts";
import { recoverDead } from "#ledger/recover.ts";

/** Closing lets go of the lock and keeps the files, which is all that a kill leaves, too. */
function die(fixture: LedgerFixture, live: (journal: ReturnType<typeof openJournal>) => void): string {
  const before = new Set(fixtureFiles(fixture));
  const journal = openJournal(fixture.journalFolder, { clock: systemClock, segmentBytesMax: 3_000 });
  live(journal);
  journal.close();
  return fixtureFiles(fixture).findLast((name) => name.endsWith(".jsonl") && !before.has(name)) ?? "";
}

function fixtureFiles(fixture: LedgerFixture): readonly string[] {
  try {
    return readdirSync(fixture.journalFolder).sort();
  } catch {
    return [];
  }
}

describe("recovery", () => {
  test("brings every settled row to SQL, and a row for each request that never settled", async () => {
    await using fixture = await openLedgerFixture();
    die(fixture, (journal) => {
      journal.admitted(admission("r1"));
      journal.admitted(admission("r2"));
      journal.settle(rowsOf("r1"));
    });
    expect(await recoverDead(fixture.journalFolder, { sink: fixture.sink })).toEqual({
      owners: 1,
      records: 3,
      interrupted: 1,
    });
    expect(await fixture.rows()).toEqual([
      { id: "r1", outcome: "ok" },
      { id: "r1.1", outcome: "ok" },
      { id: "r2", outcome: "interrupted" },
    ]);
    expect(fixtureFiles(fixture)).toEqual([]);
    expect(await fixture.store.spentNanoUsd("key-1", 0)).toBe(7n);
  });

  test("leaves a living process's journal alone", async () => {
    await using fixture = await openLedgerFixture();
    const journal = openJournal(fixture.journalFolder, { clock: systemClock });
    journal.admitted(admission("r1"));
    journal.settle(rowsOf("r2"));
    expect(await recoverDead(fixture.journalFolder, { sink: fixture.sink })).toMatchObject({ owners: 0 });
    expect(await fixture.rows()).toEqual([]);
    expect(journal.read()?.texts).toEqual([encodeUsage(rowsOf("r2"))]);
    journal.close();
  });

  const settledR1 = encodeUsage(rowsOf("r1"));
  /** Where a `kill -9` stopped the write of a line: after its first byte, in its middle, before its line feed. */
  const cuts = [1, 100, settledR1.length];

  test.each(cuts)(
    "takes %d bytes of an unfinished last line for one that nobody was told of",
    async (cut) => {
      await using fixture = await openLedgerFixture();
      const name = die(fixture, (journal) => {
        journal.admitted(admission("r1"));
        journal.settle(rowsOf("r2"));
      });
      appendFileSync(join(fixture.journalFolder, name), settledR1.slice(0, cut));
      const damages: Damage[] = [];
      const onDamage = (damage: Damage) => damages.push(damage);
      await recoverDead(fixture.journalFolder, { sink: fixture.sink, onDamage });
      expect(damages).toEqual([]);
      expect(await fixture.rows()).toEqual([
        { id: "r1", outcome: "interrupted" },
        { id: "r2", outcome: "ok" },
        { id: "r2.1", outcome: "ok" },
      ]);
      expect(fixtureFiles(fixture)).toEqual([]);
    },
  );

  test("takes a process's only, unfinished line for no line at all", async () => {
    await using fixture = await openLedgerFixture();
    const name = die(fixture, (journal) => journal.admitted(admission("r1")));
    writeFileSync(join(fixture.journalFolder, name), JSON.stringify({ admitted: admission("r1") }));
    const damages: Damage[] = [];
    const onDamage = (damage: Damage) => damages.push(damage);
    const recovery = await recoverDead(fixture.journalFolder, { sink: fixture.sink, onDamage });
    expect(recovery).toEqual({ owners: 1, records: 0, interrupted: 0 });
    expect(damages).toEqual([]);
    expect(fixtureFiles(fixture)).toEqual([]);
  });

  test.each([
    {
      what: "a finished last line that is none",
      end: "\n",
      zeros: 0,
      isEarlier: false,
      reason: "unreadable line",
    },
    { what: "the torn end of an earlier file", end: "", zeros: 0, isEarlier: true, reason: "torn line" },
    { what: "the same before zeros", end: "", zeros: 5_000, isEarlier: true, reason: "torn line" },
  ])(
    "reports $what, keeps it for people and books its request as interrupted",
    async ({ end, zeros, isEarlier, reason }) => {
      await using fixture = await openLedgerFixture();
      const name = die(fixture, (journal) => {
        journal.admitted(admission("r1"));
        journal.settle(rowsOf("r2"));
      });
      const path = join(fixture.journalFolder, name);
      const torn = settledR1.slice(0, 100) + end;
      const offset = readFileSync(path).length;
      appendFileSync(path, torn);
      appendFileSync(path, Buffer.alloc(zeros));
      if (isEarlier) writeFileSync(path.replace(".000001.", ".000002."), "");
      const damages: Damage[] = [];
      const onDamage = (damage: Damage) => damages.push(damage);
      await recoverDead(fixture.journalFolder, { sink: fixture.sink, onDamage });
      expect(damages).toEqual([{ path, offset, bytes: torn.length, reason }]);
      expect(await fixture.rows()).toEqual([
        { id: "r1", outcome: "interrupted" },
        { id: "r2", outcome: "ok" },
        { id: "r2.1", outcome: "ok" },
      ]);
      expect(fixtureFiles(fixture)).toEqual([`${name}.damaged`]);
      expect(readFileSync(`${path}.damaged`, "utf8")).toEndWith(torn + "\0".repeat(zeros));
    },
  );

  test("takes the zeros after the last line, which a killed process leaves, for the end and no damage", async () => {
    await using fixture = await openLedgerFixture();
    const name = die(fixture, (journal) => {
      journal.admitted(admission("r1"));
      journal.settle(rowsOf("r2"));
    });
    appendFileSync(join(fixture.journalFolder, name), Buffer.alloc(300_000));
    const damages: Damage[] = [];
    const onDamage = (damage: Damage) => damages.push(damage);
    expect(await recoverDead(fixture.journalFolder, { sink: fixture.sink, onDamage })).toMatchObject({
      records: 3,
      interrupted: 1,
    });
    expect(damages).toEqual([]);
    expect(fixtureFiles(fixture)).toEqual([]);
  });

  test("reports zeros between lines, which a power cut leaves, and goes on with the lines behind them", async () => {
    await using fixture = await openLedgerFixture();
    const name = die(fixture, (journal) => {
      for (const id of ["r1", "r2", "r3"]) journal.settle(rowsOf(id));
    });
    const path = join(fixture.journalFolder, name);
    const bytes = readFileSync(path);
    const line = bytes.indexOf("\n") + 1;
    writeFileSync(path, Buffer.concat([bytes.fill(0, line, line + 40), Buffer.alloc(5_000)]));
    const damages: Damage[] = [];
    const onDamage = (damage: Damage) => damages.push(damage);
    await recoverDead(fixture.journalFolder, { sink: fixture.sink, onDamage });
    expect(damages).toEqual([{ path, offset: line, bytes: line, reason: "unreadable line" }]);
    expect((await fixture.rows()).map(({ id }) => id)).toEqual(["r1", "r1.1", "r3", "r3.1"]);
    expect(fixtureFiles(fixture)).toEqual([`${name}.damaged`]);
  });

  test("loses nothing when the database is away, and is done again when it is back", async () => {
    await using fixture = await openLedgerFixture();
    die(fixture, (journal) => {
      for (let index = 0; index < 50; index++) journal.settle(rowsOf(`r${index}`));
      journal.admitted(admission("open"));
    });
    fixture.faults.isDown = true;
    expect(await rejectionOf(recoverDead(fixture.journalFolder, { sink: fixture.sink }))).toMatchObject({
      kind: "unavailable",
    });
    fixture.faults.isDown = false;
    fixture.faults.losesAnswers = true;
    expect(await rejectionOf(recoverDead(fixture.journalFolder, { sink: fixture.sink }))).toMatchObject({
      kind: "unavailable",
    });
    fixture.faults.losesAnswers = false;
    await recoverDead(fixture.journalFolder, { sink: fixture.sink });
    expect(await fixture.rows()).toHaveLength(101);
    expect(fixtureFiles(fixture)).toEqual([]);
  });

  test("believes no checkpoint it cannot read", async () => {
    await using fixture = await openLedgerFixture();
    const name = die(fixture, (journal) => journal.settle(rowsOf("r1")));
    writeFileSync(join(fixture.journalFolder, name.replace(/\.\d+\.jsonl$/, ".checkpoint")), '{"segment":');
    await recoverDead(fixture.journalFolder, { sink: fixture.sink });
    expect(await fixture.rows()).toHaveLength(2);
  });

  test("reads an admission older than the checkpoint", async () => {
    await using fixture = await openLedgerFixture();
    die(fixture, (journal) => {
      journal.admitted(admission("open"));
      journal.settle(rowsOf("r1"));
      const batch = journal.read();
      if (batch === undefined) throw new Error("a batch is there");
      journal.advance(batch);
    });
    expect(await recoverDead(fixture.journalFolder, { sink: fixture.sink })).toEqual({
      owners: 1,
      records: 1,
      interrupted: 1,
    });
  });

  test("makes exactly one row of each request and attempt, wherever the process died", async () => {
    await using fixture = await openLedgerFixture();
    const move = fc.constantFrom("admit", "admit", "settle", "settle", "settle", "write", "advance");
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 60 }), fc.nat(400), async (moves, tornBytes) => {
        const prefix = `run${round++}`;
        const open: string[] = [];
        const expected = new Map<string, string>();
        let count = 0;
        const pending: Promise<void>[] = [];
        const name = die(fixture, (journal) => {
          for (const kind of moves) {
            if (kind === "admit") {
              const id = `${prefix}-${count++}`;
              journal.admitted(admission(id));
              open.push(id);
              expected.set(id, "interrupted");
            }
            const id = kind === "settle" ? open.shift() : undefined;
            if (id !== undefined) {
              journal.settle(rowsOf(id));
              expected.set(id, "ok").set(`${id}.1`, "ok");
            }
            if (kind !== "write" && kind !== "advance") continue;
            const batch = journal.read();
            // Rows may be in SQL before the journal knows: that is where a crash comes between.
            if (batch !== undefined) pending.push(fixture.store.insert(batch.texts));
            if (batch !== undefined && kind === "advance") journal.advance(batch);
          }
        });
        await Promise.all(pending);
        const torn = `{"settled":[{"id":"${prefix}-torn","requestId"`.slice(0, tornBytes);
        if (name !== "") appendFileSync(join(fixture.journalFolder, name), torn);
        await recoverDead(fixture.journalFolder, { sink: fixture.sink });
        const rows = (await fixture.rows()).filter(({ id }) => id.startsWith(`${prefix}-`));
        expect(new Map(rows.map(({ id, outcome }) => [id, outcome]))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
