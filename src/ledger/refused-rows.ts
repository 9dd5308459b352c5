/** Rows the database will never take, kept in a file for people. Deleting them would be losing them silently. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { encodeLine } from "./journal-line.ts";
import type { RefusedRow } from "./usage-sink.ts";

const FILE_NAME = "refused.rows";

/** Throws what the disk throws; the rows then stay in the journal. */
export function keepRefused(folder: string, rows: readonly RefusedRow[]): void {
  if (rows.length === 0) return;
  const lines = rows.map(({ record }) => encodeLine({ settled: [record] }));
  appendFileSync(join(folder, FILE_NAME), lines.join(""), { mode: 0o600 });
}
