/**
 * A process whose files may not grow past a limit its shell has set: the kernel takes part of a line and then refuses,
 * as a full disk does. Prints every id whose `settle` returned, and the kind of failure of the one that threw.
 *
 * Arguments: journal folder, form of its files.
 */
import { writeSync } from "node:fs";
import { openJournal } from "#ledger/journal.ts";
import { systemClock } from "#lib/clock.ts";
import { Failure } from "#model/failure.ts";
import { rowsOf } from "./rows.ts";

const [folder = "", form] = process.argv.slice(2);
const journal = openJournal(folder, { clock: systemClock, form: form === "mapped" ? "mapped" : "written" });

for (let count = 0; ; count++) {
  try {
    journal.settle(rowsOf(`r${count}`));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    writeSync(1, `${error.kind} ${String(error.detail.code)}\n`);
    break;
  }
  writeSync(1, `r${count}\n`);
}
journal.close();
