/** What survives `kill -9`: real processes, a real file system, a real database (properties P16, P17). */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { AppendForm } from "#ledger/append-file.ts";
import { openJournal } from "#ledger/journal.ts";
import { recoverDead } from "#ledger/recover.ts";
import { createWriter } from "#ledger/writer.ts";
import { systemClock } from "#lib/clock.ts";
import { openLedgerFixture, type LedgerFixture } from "./ledger-fixture.ts";

const CHILD = join(import.meta.dir, "kill-child.ts");
const TIMEOUT_MS = 30_000;

interface Files {
  readonly form: AppendForm;
  readonly segmentBytesMax: number;
}

const smallSegments: readonly Files[] = [
  { form: "mapped", segmentBytesMax: 20_000 },
  { form: "written", segmentBytesMax: 20_000 },
];
/** Long enough that its map moves on within it. */
const LONG_SEGMENT: Files = { form: "mapped", segmentBytesMax: 1_000_000 };

/** Runs a child until it has told so many answers, kills it, and gives all it told. */
async function killAfter(
  fixture: LedgerFixture,
  prefix: string,
  answers: number,
  { form, segmentBytesMax }: Files,
): Promise<readonly string[]> {
  const childArguments = [fixture.journalFolder, fixture.databaseUrl, prefix, form, String(segmentBytesMax)];
  const child = Bun.spawn([process.execPath, CHILD, ...childArguments], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let told = "";
  let isKilled = false;
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    told += decoder.decode(bytes, { stream: true });
    if (isKilled || told.split("\n").length <= answers) continue;
    isKilled = true;
    child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  // The last line may have been cut by the kill; then nobody saw it whole.
  return told.slice(0, told.lastIndexOf("\n")).split("\n");
}

async function expectEveryAnswer(fixture: LedgerFixture, told: readonly string[]): Promise<void> {
  const rows = await fixture.rows();
  const outcomes = new Map(rows.map(({ id, outcome }) => [id, outcome]));
  const missing = told.filter((id) => outcomes.get(id) !== "ok" || outcomes.get(`${id}.1`) !== "ok");
  expect(missing).toEqual([]);
  const requests = rows.filter(({ id }) => !id.includes("."));
  const okRequests = requests.filter(({ outcome }) => outcome === "ok");
  expect(rows).toHaveLength(okRequests.length * 2 + (requests.length - okRequests.length));
  expect(requests.every(({ outcome }) => outcome === "ok" || outcome === "interrupted")).toBe(true);
}

describe("kill -9", () => {
  const cases = [1, 50, 700, 3_000].flatMap((answers) =>
    [...smallSegments, LONG_SEGMENT].map((files) => ({ answers, files })),
  );
  for (const { answers, files } of cases) {
    test(
      `after ${answers} answers loses none of them and marks the others interrupted (${files.form}, segments of ${files.segmentBytesMax} bytes)`,
      async () => {
        await using fixture = await openLedgerFixture();
        const told = await killAfter(fixture, "a", answers, files);
        expect(told.length).toBeGreaterThanOrEqual(answers);
        const { owners, interrupted } = await recoverDead(fixture.journalFolder, { sink: fixture.sink });
        expect(owners).toBe(1);
        expect(interrupted).toBeGreaterThanOrEqual(19);
        await expectEveryAnswer(fixture, told);
        const ids = (await fixture.rows()).flatMap(({ id }) =>
          id.includes(".") ? [] : [Number(id.slice(2))],
        );
        expect(ids.sort((left, right) => left - right)).toEqual(ids.map((_, index) => index));
        expect(readdirSync(fixture.journalFolder)).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "of several processes on one folder is mended by a living one, which loses nothing of its own",
    async () => {
      await using fixture = await openLedgerFixture();
      const journal = openJournal(fixture.journalFolder, { clock: systemClock });
      const told = await Promise.all(
        ["a", "b", "c"].map((prefix) => killAfter(fixture, prefix, 300, LONG_SEGMENT)),
      );
      const writer = createWriter(journal, fixture.sink, { clock: systemClock });
      await writer.flush();
      await expectEveryAnswer(fixture, told.flat());
      expect(await writer.close(1_000)).toBe(true);
      journal.close();
      expect(readdirSync(fixture.journalFolder)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "of a process is recovered once, by whichever of two others comes first",
    async () => {
      await using fixture = await openLedgerFixture();
      const told = await killAfter(fixture, "a", 500, LONG_SEGMENT);
      const recoveries = await Promise.all([
        recoverDead(fixture.journalFolder, { sink: fixture.sink }),
        recoverDead(fixture.journalFolder, { sink: fixture.sink }),
      ]);
      expect(recoveries.map(({ owners }) => owners).sort((left, right) => left - right)).toEqual([0, 1]);
      await expectEveryAnswer(fixture, told);
    },
    TIMEOUT_MS,
  );
});
