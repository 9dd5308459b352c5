/**
 * Rows the database understood and would not take, kept in a file for people: deleting them would be losing them
 * silently. They are tried again at every start, because what was wrong may have been the database's schema.
 *
 *   refused.rows ──start──▶ refused.retry ──inserted──▶ gone
 *        ▲                        └─refused again─┐
 *        └────────────────────────────────────────┘
 */
import { appendFileSync, existsSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { encodeUsage } from "#store/usage-text.ts";
import { settledIn } from "./journal-line.ts";
import { lockOwner } from "./owner-lock.ts";
import { readLines } from "./read-lines.ts";
import { removeOwner, retireSegment } from "./segment.ts";
import { insertSparing, type RefusedRow, type UsageSink } from "./usage-sink.ts";

const KEPT = "refused.rows";
const RETRIED = "refused.retry";
/** Whoever holds this owner's lock is the one that retries. */
const OWNER = "refused";
const CHUNK_BYTES = 64 * 1024;

/** Throws what the disk throws; the rows then stay in the journal. */
export function keepRefused(folder: string, rows: readonly RefusedRow[]): void {
  if (rows.length === 0) return;
  const lines = rows.map(({ record }) => `${encodeUsage([record])}\n`);
  appendFileSync(join(folder, KEPT), lines.join(""), { mode: 0o600 });
}

/** Gives how many rows the database took this time. Killed in between it is simply done again: ids are unique. */
export async function retryRefused(folder: string, sink: UsageSink): Promise<number> {
  const [kept, retried] = [join(folder, KEPT), join(folder, RETRIED)];
  if (!existsSync(kept) && !existsSync(retried)) return 0;
  const lock = lockOwner(folder, OWNER);
  if (lock === undefined) return 0;
  let taken = 0;
  let isDamaged = false;
  try {
    if (!existsSync(retried)) renameSync(kept, retried);
    const { size } = statSync(retried);
    for (let offset = 0; offset < size;) {
      const chunk = readLines(retried, { from: offset, until: size, bytesMax: CHUNK_BYTES });
      const { texts, rows } = settledIn(chunk.lines);
      const refused = rows === 0 ? [] : await insertSparing(sink, texts);
      keepRefused(folder, refused);
      isDamaged ||= chunk.damages.length > 0;
      taken += rows - refused.length;
      offset = chunk.nextOffset;
    }
    retireSegment(retried, isDamaged);
    removeOwner(folder, OWNER);
    return taken;
  } finally {
    lock.release();
  }
}
