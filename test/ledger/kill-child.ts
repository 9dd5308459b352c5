/**
 * A process that answers requests as the gateway does - admitted, then settled, then told to the client - and is
 * killed by its test at some moment. A line on stdout is an answer a client saw complete.
 *
 * Arguments: journal folder, database URL, a prefix for its ids, form of the journal's files, bytes of a segment.
 */
import { writeSync } from "node:fs";
import { openJournal } from "#ledger/journal.ts";
import { createWriter } from "#ledger/writer.ts";
import { systemClock } from "#lib/clock.ts";
import { openDatabase } from "#store/database.ts";
import { createUsageStore } from "#store/usage-store.ts";
import { admission, rowsOf } from "./rows.ts";

const [folder = "", databaseUrl = "", prefix = "", form, segmentBytes] = process.argv.slice(2);
const CONCURRENT = 20;

const journal = openJournal(folder, {
  clock: systemClock,
  form: form === "mapped" ? "mapped" : "written",
  segmentBytesMax: Number(segmentBytes),
});
const database = await openDatabase(databaseUrl);
createWriter(journal, createUsageStore(database), { clock: systemClock, intervalMs: 5 });

const running: string[] = [];
for (let count = 0; ; count++) {
  const id = `${prefix}-${count}`;
  journal.admitted(admission(id));
  running.push(id);
  const done = running.length > CONCURRENT ? running.shift() : undefined;
  if (done !== undefined) {
    journal.settle(rowsOf(done));
    writeSync(1, `${done}\n`);
  }
  // Lets the writer run, as a real event loop would between requests.
  if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
