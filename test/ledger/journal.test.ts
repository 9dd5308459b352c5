import { afterEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { Failure } from "#model/failure.ts";
import { admission, row } from "./rows.ts";
import { encodeUsage, recordsOf } from "#store/usage-text.ts";
import { openJournal, type Journal, type JournalOptions } from "#ledger/journal.ts";
import type { Damage } from "#ledger/read-lines.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  folders.push(folder);
  return folder;
}

/** Without a tail every row is read back from disk, which is the harder way. */
function openWith(options: Partial<JournalOptions>, folder = newFolder()) {
  const damages: Damage[] = [];
  const journal = openJournal(folder, {
    clock: new VirtualClock(),
    tailRecordsMax: 0,
    onDamage: (damage) => damages.push(damage),
    ...options,
  });
  return { folder, journal, damages };
}

function drain(journal: Journal): readonly string[] {
  const ids: string[] = [];
  for (let batch = journal.read(); batch !== undefined; batch = journal.read()) {
    ids.push(...recordsOf(batch.texts).map(({ id }) => id));
    journal.advance(batch);
  }
  return ids;
}

function segmentsIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .sort();
}

/** Overwrites part of a file, as a failing disk would. */
function spoil(path: string, { from, until }: { readonly from: number; readonly until: number }): void {
  const file = openSync(path, "r+");
  writeSync(file, "#".repeat(until - from), from);
  closeSync(file);
}

describe.each(["mapped", "written"] as const)("the journal, its files %s,", (form) => {
  const open = (options: Partial<JournalOptions> = {}, folder = newFolder()) =>
    openWith({ form, ...options }, folder);

  test("gives rows back as they were settled, in order, whatever characters are in them", () => {
    const { journal } = open();
    const odd = { ...row("r2"), tags: { note: 'line\nbreak "quote" \u2028 é 漢 🙂' } };
    journal.admitted(admission("r1"));
    journal.settle([row("r1"), row("r1.1", "r1")]);
    journal.settle([odd]);
    const batch = journal.read();
    expect(recordsOf(batch?.texts ?? [])).toEqual([row("r1"), row("r1.1", "r1"), odd]);
    journal.close();
  });

  test("gives the same batch again until it is advanced past", () => {
    const { journal } = open();
    journal.settle([row("r1")]);
    expect(journal.read()?.texts).toEqual(journal.read()?.texts ?? []);
    expect(drain(journal)).toEqual(["r1"]);
    expect(journal.read()).toBeUndefined();
    journal.settle([row("r2")]);
    expect(drain(journal)).toEqual(["r2"]);
    journal.close();
  });

  for (const tailRecordsMax of [0, 3, 150, 1_000]) {
    test(`counts its backlog down to nothing over many segments, with a tail of ${tailRecordsMax} rows`, () => {
      const { journal, folder } = open({ segmentBytesMax: 2_000, tailRecordsMax });
      for (let index = 0; index < 100; index++) {
        journal.admitted(admission(`r${index}`));
        journal.settle([row(`r${index}`), row(`r${index}.1`, `r${index}`)]);
      }
      expect(segmentsIn(folder).length).toBeGreaterThan(10);
      expect(journal.backlog.records).toBe(200);
      const ids = Array.from({ length: 100 }, (_, index) => [`r${index}`, `r${index}.1`]).flat();
      expect(drain(journal)).toEqual(ids);
      expect(journal.backlog).toEqual({ records: 0, bytes: 0, open: 0 });
      expect(segmentsIn(folder)).toHaveLength(1);
      journal.close();
      expect(readdirSync(folder)).toEqual([]);
    });
  }

  test("gives the same rows whether its tail is remembered or read back, in any order of settling and advancing", () => {
    const move = fc.record({
      kind: fc.constantFrom("settle", "settle", "admit", "drain", "step"),
      rows: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), fc.nat(12), (moves, tailRecordsMax) => {
        const { journal } = open({ segmentBytesMax: 1_500, tailRecordsMax });
        const settled: string[] = [];
        const read: string[] = [];
        for (const { kind, rows } of moves) {
          const id = `r${settled.length}`;
          if (kind === "admit") journal.admitted(admission(`open${rows}`));
          if (kind === "settle") {
            const ids = [id, `${id}.1`, `${id}.2`].slice(0, rows);
            journal.settle(ids.map((one) => row(one, id)));
            settled.push(...ids);
          }
          if (kind === "drain") read.push(...drain(journal));
          const batch = kind === "step" ? journal.read() : undefined;
          if (batch === undefined) continue;
          journal.advance(batch);
          read.push(...recordsOf(batch.texts).map((record) => record.id));
          expect(journal.backlog.records).toBe(settled.length - read.length);
        }
        read.push(...drain(journal));
        expect(read).toEqual(settled);
        expect(journal.backlog).toMatchObject({ records: 0, bytes: 0 });
        journal.close();
      }),
      { numRuns: 60 },
    );
  });

  test("reads a line longer than any batch whole", () => {
    const { journal } = open();
    const long = { ...row("r1"), tags: { note: "x".repeat(300_000) } };
    journal.settle([long]);
    journal.settle([row("r2")]);
    expect(drain(journal)).toEqual(["r1", "r2"]);
    journal.close();
  });

  test("carries an open admission over when its segment is deleted, and keeps the files while it is open", () => {
    const { journal, folder } = open({ segmentBytesMax: 1_000 });
    journal.admitted(admission("long-running"));
    for (let index = 0; index < 30; index++) journal.settle([row(`r${index}`)]);
    drain(journal);
    expect(segmentsIn(folder).length).toBeLessThanOrEqual(2);
    expect(journal.backlog.open).toBe(1);
    journal.close();
    const kept = segmentsIn(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    expect(kept.join("")).toContain('"long-running"');
  });

  test("admits nothing new past its bound, while what was admitted may still settle", () => {
    const { journal } = open({ bytesMax: 400 });
    journal.admitted(admission("r1"));
    journal.settle([row("other"), row("other.1", "other")]);
    for (const work of [() => journal.admitted(admission("r2")), () => journal.settle([row("r2")])]) {
      expect(work).toThrow(expect.objectContaining({ kind: "unavailable", status: 503 }));
    }
    journal.settle([row("r1")]);
    expect(drain(journal)).toEqual(["other", "other.1", "r1"]);
    journal.admitted(admission("r2"));
    journal.settle([row("r2")]);
    journal.close();
  });

  test("refuses to be opened where it cannot write", () => {
    const folder = newFolder();
    writeFileSync(join(folder, "file"), "");
    expect(() => open({}, join(folder, "file", "journal"))).toThrow(Failure);
  });

  test("throws where a line cannot be written, and says so to the next as well", () => {
    const { journal, folder } = open({ segmentBytesMax: 10 });
    journal.settle([row("r1")]);
    rmSync(folder, { recursive: true });
    for (const id of ["r2", "r3"]) {
      expect(() => journal.settle([row(id)])).toThrow(expect.objectContaining({ kind: "unavailable" }));
    }
    expect(journal.backlog.records).toBe(1);
  });

  test("steps over and reports what a disk has spoilt, and keeps that segment for people", () => {
    const { journal, folder, damages } = open({ segmentBytesMax: 1_500 });
    journal.settle([row("r1")]);
    const [name = ""] = segmentsIn(folder);
    const path = join(folder, name);
    journal.settle([row("r2")]);
    const half = Buffer.byteLength(`${encodeUsage([row("r1")])}\n`);
    spoil(path, { from: half + 10, until: 2 * half - 1 });
    for (let index = 3; index < 12; index++) journal.settle([row(`r${index}`)]);
    const ids = drain(journal);
    expect(ids).not.toContain("r2");
    expect(ids).toEqual(expect.arrayContaining(["r1", "r3", "r11"]));
    expect(damages).toEqual([{ path, offset: half, bytes: half, reason: "unreadable line" }]);
    expect(readdirSync(folder)).toContain(`${name}.damaged`);
    journal.close();
  });

  test("asks the disk once per interval, however many lines there were", async () => {
    const clock = new VirtualClock();
    const { journal } = open({ clock, fsync: { intervalMs: 50 } });
    for (let index = 0; index < 10; index++) journal.settle([row(`r${index}`)]);
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    expect(clock.pending).toBe(0);
    journal.settle([row("r10")]);
    expect(clock.pending).toBe(1);
    journal.close();
    expect(clock.pending).toBe(0);
  });
});
