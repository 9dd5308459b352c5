/**
 * The durable journal: what happened is on file before the client is told it is over.
 *
 *   admitted(id) ──append──▶ segments ──read/advance (writer)──▶ SQL, then the segment is deleted
 *   settle(rows) ──append──▶
 *
 * - A line is with the kernel before its caller goes on (`append-file.ts`), which keeps it through `kill -9`; a power
 *   cut may take what `fsync` has not reached.
 * - A write that fails throws `unavailable` and leaves nothing half-written in the way of the next one: a request
 *   whose `settle` threw must not be answered as complete.
 * - Disk is bounded: past `bytesMax` of backlog nothing new is admitted, while what was admitted may still settle.
 * - Memory is bounded: by the requests in flight and a short tail of the backlog, which spares the usual case from
 *   reading back what it has just written. A longer backlog stays on disk and is read from there.
 * - A segment is deleted only when all its rows are in SQL; admissions in it that are still open are carried over.
 */
import { randomBytes } from "node:crypto";
import { fdatasync, fdatasyncSync, mkdirSync } from "node:fs";
import type { Clock, Timer } from "#lib/clock.ts";
import { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import { encodeUsage } from "#store/usage-text.ts";
import { appendFormFor, openAppendFile, type AppendFile, type AppendForm } from "./append-file.ts";
import { encodeAdmitted, settledIn, type AdmittedRequest } from "./journal-line.ts";
import { lockOwner, type OwnerLock } from "./owner-lock.ts";
import { readLines, type Damage } from "./read-lines.ts";
import {
  removeOwner,
  retireSegment,
  segmentPath,
  openCheckpoint,
  type Checkpoint,
  type Position,
} from "./segment.ts";

export interface Journal {
  readonly folder: string;
  /** Records that a request passed the gate. Throws `unavailable`; the request must then be refused. */
  admitted(request: AdmittedRequest): void;
  /** The request's row and its attempts', kept together. Throws `unavailable`; the answer must then not end well. */
  settle(records: readonly UsageRecord[]): void;
  readonly backlog: Backlog;
  /** For the writer: told when a whole batch has come to be there. */
  onBatch: (() => void) | undefined;
  /** For the writer: the oldest rows not yet advanced past, at most about a batch; undefined when there are none. */
  read(): JournalBatch | undefined;
  /** For the writer: everything before this is in SQL. */
  advance(batch: JournalBatch): void;
  /** Lets go of the files. They are deleted if nothing in them is still needed. */
  close(): void;
}

/** What is not yet in SQL, for `xjp_journal_backlog` and readiness. */
export interface Backlog {
  readonly records: number;
  readonly bytes: number;
  /** Requests admitted and not settled. */
  readonly open: number;
}

export interface JournalBatch {
  /** The rows as usage texts (usage-text.ts). */
  readonly texts: readonly string[];
  readonly rows: number;
  readonly next: Position;
}

export interface JournalOptions {
  readonly clock: Clock;
  readonly segmentBytesMax?: number;
  /** Backlog past which nothing new is admitted. */
  readonly bytesMax?: number;
  /** How long a line may wait for the disk itself; `never` leaves it to the kernel. */
  readonly fsync?: "never" | { readonly intervalMs: number };
  /** How lines reach their file; what its file system allows when absent. */
  readonly form?: AppendForm;
  /** Rows of the backlog kept in memory too, as long as it is no longer than this. */
  readonly tailRecordsMax?: number;
  /** Lines that could not be read back, and failed fsyncs: to be logged, never swallowed. */
  readonly onDamage?: (damage: Damage) => void;
}

const SEGMENT_BYTES_MAX = 16 * 1024 * 1024;
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024 * 1024;
/** Read back: small enough to be parsed without holding up a stream for long. */
const BATCH_BYTES = 128 * 1024;
/** Rows inserted together write the pages they share once: 50 at a time cost half as much again. */
export const BATCH_RECORDS = 2_048;
/** Several thousand requests a second leave this many between two rounds of the writer: a few megabytes of text. */
const TAIL_RECORDS_MAX = 8_000;

/** What one `settle` left: its line, the rows in it, and where it ends. */
interface TailEntry extends Position {
  readonly text: string;
  readonly rows: number;
}

/** Opens a journal of this process's own in the folder, beside those of others. Throws `unavailable`. */
export function openJournal(folder: string, options: JournalOptions): Journal {
  return new FileJournal(folder, options);
}

class FileJournal implements Journal {
  readonly folder: string;
  onBatch: (() => void) | undefined;
  readonly #options: JournalOptions;
  readonly #owner: string;
  readonly #lock: OwnerLock;
  readonly #checkpoint: Checkpoint;
  readonly #open = new Map<string, { readonly line: string; segment: number }>();
  /** Where finished segments end; the current one ends where its file does. */
  readonly #ends = new Map<number, number>();
  readonly #damaged = new Set<number>();
  /** The whole backlog, or undefined while it is too long for that. */
  #tail: TailEntry[] | undefined = [];
  readonly #form: AppendForm;
  #file: AppendFile;
  #segment = 1;
  #cursor: Position = { segment: 1, offset: 0 };
  #backlogRecords = 0;
  #backlogBytes = 0;
  #syncTimer: Timer | undefined;
  #isClosed = false;

  constructor(folder: string, options: JournalOptions) {
    this.folder = folder;
    this.#options = options;
    this.#owner = `${process.pid}-${randomBytes(8).toString("hex")}`;
    try {
      mkdirSync(folder, { recursive: true });
      const lock = lockOwner(folder, this.#owner);
      if (lock === undefined) throw new Error("the fresh lock is taken");
      this.#lock = lock;
      this.#checkpoint = openCheckpoint(folder, this.#owner);
      this.#form = options.form ?? appendFormFor(folder);
      this.#file = this.#openSegment(1);
    } catch (error) {
      throw unwritable(error);
    }
  }

  get backlog(): Backlog {
    return { records: this.#backlogRecords, bytes: this.#backlogBytes, open: this.#open.size };
  }

  admitted(request: AdmittedRequest): void {
    this.#refuseWhenFull();
    const line = encodeAdmitted(request);
    this.#append(line);
    this.#open.set(request.id, { line, segment: this.#segment });
  }

  settle(records: readonly UsageRecord[]): void {
    const [first] = records;
    if (first === undefined) return;
    if (!this.#open.has(first.requestId)) this.#refuseWhenFull();
    const text = encodeUsage(records);
    this.#append(text);
    const before = this.#backlogRecords;
    this.#backlogRecords += records.length;
    this.#open.delete(first.requestId);
    if (this.#backlogRecords > (this.#options.tailRecordsMax ?? TAIL_RECORDS_MAX)) this.#tail = undefined;
    this.#tail?.push({ text, rows: records.length, segment: this.#segment, offset: this.#file.bytes });
    if (before < BATCH_RECORDS && this.#backlogRecords >= BATCH_RECORDS) this.onBatch?.();
  }

  read(): JournalBatch | undefined {
    const remembered = this.#readTail();
    if (remembered !== undefined) return remembered;
    for (;;) {
      const { segment, offset } = this.#cursor;
      const isCurrent = segment === this.#segment;
      const end = isCurrent ? this.#file.bytes : (this.#ends.get(segment) ?? 0);
      if (offset >= end) {
        if (isCurrent) return undefined;
        this.#moveTo({ segment: segment + 1, offset: 0 });
        continue;
      }
      const path = segmentPath(this.folder, this.#owner, segment);
      const chunk = readLines(path, { from: offset, until: end, bytesMax: BATCH_BYTES });
      for (const damage of chunk.damages) this.#report(segment, damage);
      const { texts, rows } = settledIn(chunk.lines);
      const next = { segment, offset: chunk.nextOffset };
      if (rows > 0) return { texts, rows, next };
      this.#moveTo(next);
    }
  }

  advance(batch: JournalBatch): void {
    while (this.#cursor.segment < batch.next.segment)
      this.#moveTo({ segment: this.#cursor.segment + 1, offset: 0 });
    this.#moveTo(batch.next);
    this.#backlogRecords -= batch.rows;
    if (this.#backlogRecords === 0) this.#tail = [];
    else this.#tail = this.#tail?.filter((entry) => isBehind(batch.next, entry));
    this.#checkpoint.write(this.#cursor);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#syncTimer?.cancel();
    if (this.#options.fsync !== undefined && this.#options.fsync !== "never")
      fdatasyncSync(this.#file.descriptor);
    this.#file.close();
    this.#checkpoint[Symbol.dispose]();
    const isSpent = this.#backlogRecords === 0 && this.#open.size === 0 && this.#damaged.size === 0;
    if (isSpent) removeOwner(this.folder, this.#owner);
    this.#lock.release();
  }

  /** The first rows of the tail, whole requests, about a batch of them. */
  #readTail(): JournalBatch | undefined {
    const texts: string[] = [];
    let rows = 0;
    let last: TailEntry | undefined;
    for (const entry of this.#tail ?? []) {
      if (last && rows + entry.rows > BATCH_RECORDS) break;
      texts.push(entry.text);
      rows += entry.rows;
      last = entry;
    }
    return last && { texts, rows, next: { segment: last.segment, offset: last.offset } };
  }

  #refuseWhenFull(): void {
    if (this.#backlogBytes < (this.#options.bytesMax ?? BACKLOG_BYTES_MAX)) return;
    throw new Failure(
      "unavailable",
      "The usage journal is full because the database does not take its rows.",
      {
        code: "journal_full",
      },
    );
  }

  #append(line: string): void {
    if (this.#isClosed) throw unwritable(new Error("the journal is closed"));
    const before = this.#file.bytes;
    try {
      if (before > 0 && before + line.length > (this.#options.segmentBytesMax ?? SEGMENT_BYTES_MAX)) {
        this.#rotate();
      }
      this.#backlogBytes += this.#file.append(line);
    } catch (error) {
      throw unwritable(error);
    }
    this.#syncLater();
  }

  #openSegment(segment: number): AppendFile {
    return openAppendFile(segmentPath(this.folder, this.#owner, segment), this.#form);
  }

  #rotate(): void {
    const next = this.#openSegment(this.#segment + 1);
    const finished = this.#file;
    this.#ends.set(this.#segment, finished.bytes);
    this.#file = next;
    this.#segment += 1;
    if (this.#options.fsync === undefined || this.#options.fsync === "never") {
      finished.close();
      return;
    }
    fdatasync(finished.descriptor, (error) => {
      finished.close();
      if (error) this.#reportSync(error);
    });
  }

  /** Leaves a finished segment behind once the admissions still open in it are written again further on. */
  #moveTo(next: Position): void {
    const { segment, offset } = this.#cursor;
    if (next.segment === segment) {
      this.#backlogBytes -= next.offset - offset;
      this.#cursor = next;
      return;
    }
    for (const entry of this.#open.values()) {
      if (entry.segment > segment) continue;
      this.#append(entry.line);
      entry.segment = this.#segment;
    }
    this.#backlogBytes -= (this.#ends.get(segment) ?? 0) - offset;
    this.#cursor = next;
    this.#ends.delete(segment);
    retireSegment(segmentPath(this.folder, this.#owner, segment), this.#damaged.delete(segment));
  }

  #report(segment: number, damage: Damage): void {
    this.#damaged.add(segment);
    this.#options.onDamage?.(damage);
  }

  #reportSync(error: Error): void {
    this.#options.onDamage?.({
      path: this.folder,
      offset: 0,
      bytes: 0,
      reason: `fsync failed: ${error.message}`,
    });
  }

  /** One fsync for all lines of an interval. */
  #syncLater(): void {
    const { fsync, clock } = this.#options;
    if (fsync === undefined || fsync === "never" || this.#syncTimer !== undefined) return;
    this.#syncTimer = clock.schedule(fsync.intervalMs, () => {
      this.#syncTimer = undefined;
      fdatasync(this.#file.descriptor, (error) => {
        if (error && !this.#isClosed) this.#reportSync(error);
      });
    });
  }
}

function isBehind(position: Position, other: Position): boolean {
  return (
    other.segment > position.segment || (other.segment === position.segment && other.offset > position.offset)
  );
}

function unwritable(cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  return new Failure(
    "unavailable",
    "The usage journal cannot be written. The data folder needs space or repair.",
    {
      cause,
      code: "journal_unwritable",
    },
  );
}
