/**
 * Names of the files in a journal folder. An owner is one run of one process; its files are
 *
 *   PID-RANDOM.000001.jsonl   segments, numbered from 1
 *   PID-RANDOM.checkpoint     how far they are in SQL
 *   PID-RANDOM.lock           held while the process lives
 */
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { asNumber, asObject, parseJson } from "#lib/json.ts";

/** A place in an owner's journal. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export interface Segment {
  readonly number: number;
  readonly path: string;
}

const SEGMENT_NAME = /^(\d+-[0-9a-f]+)\.(\d{6,})\.jsonl$/;

export function segmentPath(folder: string, owner: string, segment: number): string {
  return join(folder, `${owner}.${String(segment).padStart(6, "0")}.jsonl`);
}

export function lockPath(folder: string, owner: string): string {
  return join(folder, `${owner}.lock`);
}

function checkpointPath(folder: string, owner: string): string {
  return join(folder, `${owner}.checkpoint`);
}

/** Owners that left segments here, alive or dead. */
export function listOwners(folder: string): readonly string[] {
  const owners = new Set<string>();
  for (const name of readdirSync(folder)) {
    const owner = SEGMENT_NAME.exec(name)?.[1];
    if (owner !== undefined) owners.add(owner);
  }
  return [...owners].sort();
}

/** An owner's segments, oldest first. */
export function listSegments(folder: string, owner: string): readonly Segment[] {
  const segments: Segment[] = [];
  for (const name of readdirSync(folder)) {
    const match = SEGMENT_NAME.exec(name);
    if (match?.[1] !== owner) continue;
    segments.push({ number: Number(match[2]), path: join(folder, name) });
  }
  return segments.sort((left, right) => left.number - right.number);
}

/** The start where nothing was checkpointed, or the checkpoint is unreadable: inserting twice is harmless. */
export function readCheckpoint(folder: string, owner: string): Position {
  const value = asObject(parseJson(readText(checkpointPath(folder, owner))));
  const segment = asNumber(value?.["segment"]);
  const offset = asNumber(value?.["offset"]);
  return segment === undefined || offset === undefined ? { segment: 0, offset: 0 } : { segment, offset };
}

export interface Checkpoint extends Disposable {
  write(position: Position): void;
}

const CHECKPOINT_BYTES = 64;

/**
 * One short write in place, always of the same length: a kill leaves the old or the new one. What a power cut makes
 * of it at worst is unreadable, and then all is inserted again.
 */
export function openCheckpoint(folder: string, owner: string): Checkpoint {
  const file = openSync(checkpointPath(folder, owner), constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    write: (position) => void writeSync(file, JSON.stringify(position).padEnd(CHECKPOINT_BYTES), 0),
    [Symbol.dispose]: () => closeSync(file),
  };
}

/** A damaged segment is kept aside for people, under a name nothing reads again. */
export function retireSegment(path: string, isDamaged: boolean): void {
  if (isDamaged) renameSync(path, `${path}.damaged`);
  else rmSync(path, { force: true });
}

/** Removes what is left of an owner whose records are all in SQL; oldest segments first, the lock last. */
export function removeOwner(folder: string, owner: string): void {
  for (const segment of listSegments(folder, owner)) retireSegment(segment.path, false);
  rmSync(checkpointPath(folder, owner), { force: true });
  rmSync(lockPath(folder, owner), { force: true });
  // What SQLite leaves beside a lock whose process was killed.
  rmSync(`${lockPath(folder, owner)}-journal`, { force: true });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
