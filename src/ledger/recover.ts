/**
 * Brings home what dead processes left in the journal folder. An owner whose lock can be taken is dead; while it is
 * held here no other process recovers the same one. Rows are inserted by id, so a recovery that is itself killed is
 * simply done again.
 *
 * A request that was admitted and never settled becomes a row too: outcome `interrupted`, status 0, cost unknown.
 */
import { Failure, toFailure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import type { AdmittedRequest } from "./journal-line.ts";
import { lockOwner } from "./owner-lock.ts";
import { encodeUsage } from "#store/usage-text.ts";
import { endOfLines, readLines, type Chunk, type Damage } from "./read-lines.ts";
import { keepRefused } from "./refused-rows.ts";
import {
  listOwners,
  listSegments,
  openCheckpoint,
  readCheckpoint,
  removeOwner,
  retireSegment,
  type Position,
  type Segment,
} from "./segment.ts";
import { insertSparing, type UsageSink } from "./usage-sink.ts";

export interface Recovery {
  /** Dead processes found. */
  readonly owners: number;
  /** Rows inserted, those of interrupted requests included. Some may have been in SQL before. */
  readonly records: number;
  readonly interrupted: number;
}

export interface RecoverOptions {
  readonly sink: UsageSink;
  readonly onDamage?: (damage: Damage) => void;
  /** Told of a dead process whose files cannot be read; it stays as it is, and the others are recovered. Absent: thrown. */
  readonly onUnreadable?: (failure: Failure) => void;
}

const CHUNK_BYTES = 64 * 1024;
const INTERRUPTED_BATCH = 100;

/** Throws `unavailable` where the sink does; everything is then still there. */
export async function recoverDead(folder: string, options: RecoverOptions): Promise<Recovery> {
  let total: Recovery = { owners: 0, records: 0, interrupted: 0 };
  for (const owner of listOwners(folder)) {
    const lock = lockOwner(folder, owner);
    if (lock === undefined) continue;
    try {
      const { records, interrupted } = await recoverOwner(folder, owner, options);
      total = {
        owners: total.owners + 1,
        records: total.records + records,
        interrupted: total.interrupted + interrupted,
      };
    } catch (error) {
      if (!options.onUnreadable || toFailure(error).kind === "unavailable") throw error;
      options.onUnreadable(unreadable(owner, error));
    } finally {
      lock.release();
    }
  }
  return total;
}

async function recoverOwner(
  folder: string,
  owner: string,
  options: RecoverOptions,
): Promise<Omit<Recovery, "owners">> {
  const open = new Map<string, AdmittedRequest>();
  const checkpoint = readCheckpoint(folder, owner);
  using written = openCheckpoint(folder, owner);
  const segments = listSegments(folder, owner);
  const damaged = new Set<string>();
  const insert = async (rows: readonly UsageRecord[]) => {
    if (rows.length > 0) keepRefused(folder, await insertSparing(options.sink, [encodeUsage(rows)]));
  };
  let records = 0;
  for (const segment of segments) {
    const until = endOfLines(segment.path, segment === segments.at(-1) ? "last" : "earlier");
    for (let offset = 0; offset < until;) {
      const chunk = readLines(segment.path, { from: offset, until, bytesMax: CHUNK_BYTES });
      offset = chunk.nextOffset;
      for (const damage of chunk.damages) {
        damaged.add(segment.path);
        options.onDamage?.(damage);
      }
      // Everything is read, because an admission may be older than the checkpoint; only the rest is inserted.
      const rows = follow(chunk, open);
      if (!isBehind(checkpoint, segment, offset)) continue;
      await insert(rows);
      written.write({ segment: segment.number, offset });
      records += rows.length;
    }
  }
  const interrupted = [...open.values()].map(toInterrupted);
  for (let from = 0; from < interrupted.length; from += INTERRUPTED_BATCH) {
    await insert(interrupted.slice(from, from + INTERRUPTED_BATCH));
  }
  for (const path of damaged) retireSegment(path, true);
  removeOwner(folder, owner);
  return { records: records + interrupted.length, interrupted: interrupted.length };
}

function unreadable(owner: string, cause: unknown): Failure {
  return new Failure(
    "internal",
    `The journal files ${owner}.* of an earlier process cannot be read. Mend or move them.`,
    { cause, code: "journal_unreadable" },
  );
}

/** The rows of a piece of journal; `open` keeps what is admitted and not yet settled. */
function follow(chunk: Chunk, open: Map<string, AdmittedRequest>): readonly UsageRecord[] {
  const rows: UsageRecord[] = [];
  for (const line of chunk.lines) {
    if ("admitted" in line) {
      open.set(line.admitted.id, line.admitted);
      continue;
    }
    for (const record of line.settled) {
      rows.push(record);
      open.delete(record.requestId);
    }
  }
  return rows;
}

function isBehind(checkpoint: Position, segment: Segment, offset: number): boolean {
  return (
    segment.number > checkpoint.segment ||
    (segment.number === checkpoint.segment && offset > checkpoint.offset)
  );
}

function toInterrupted(request: AdmittedRequest): UsageRecord {
  return {
    kind: "request",
    id: request.id,
    requestId: request.id,
    tenantId: request.tenantId,
    keyId: request.keyId,
    logicalModel: request.logicalModel,
    protocolIn: request.protocol,
    isStream: request.isStream,
    outcome: "interrupted",
    status: 0,
    usage: {},
    costSource: "unknown",
    totalMs: 0,
    // What reached an upstream died with the process; the store counts `interrupted` as cost unknown.
    attempts: 0,
    createdAtMs: request.admittedAtMs,
  };
}
