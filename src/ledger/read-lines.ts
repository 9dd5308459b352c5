/**
 * Reads whole lines of a segment from an offset on, a bounded piece at a time. What is no line of ours - bytes
 * a disk has spoilt, a line cut off where others follow - is stepped over and reported, so that it neither stops the rest nor
 * disappears silently.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { decodeLine, type JournalLine } from "./journal-line.ts";

export interface Chunk {
  readonly lines: readonly JournalLine[];
  readonly nextOffset: number;
  readonly damages: readonly Damage[];
}

export interface Damage {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface Range {
  readonly from: number;
  readonly until: number;
  /** A longer line is read whole all the same. */
  readonly bytesMax: number;
}

const LINE_FEED = 10;
const PIECE_BYTES = 64 * 1024;

/**
 * Where a file's lines end, for a dead process's file. Zeros up to its end are what the process had taken ahead. In its
 * last file an unfinished line before them is the one it was killed in: nobody was told of it, and it is not read. Zeros
 * between lines are no such thing; a power cut has taken a page there, and `readLines` reports the line they are found in.
 */
export function endOfLines(path: string, place: "last" | "earlier"): number {
  const file = openSync(path, "r");
  try {
    const written = endWhere(file, fstatSync(file).size, (bytes) => bytes.findLastIndex(isWritten));
    if (place === "earlier") return written;
    return endWhere(file, written, (bytes) => bytes.lastIndexOf(LINE_FEED));
  } finally {
    closeSync(file);
  }
}

function isWritten(byte: number): boolean {
  return byte !== 0;
}

/** Behind the last byte before `end` that is found, read from there towards the start; 0 where there is none. */
function endWhere(file: number, end: number, findLast: (bytes: Buffer) => number): number {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (let until = end; until > 0; until -= PIECE_BYTES) {
    const start = Math.max(0, until - PIECE_BYTES);
    const found = findLast(piece.subarray(0, readFully(file, piece.subarray(0, until - start), start)));
    if (found >= 0) return start + found + 1;
  }
  return 0;
}

export function readLines(path: string, range: Range): Chunk {
  const bytes = readWhole(path, range);
  if (bytes.length === 0) return missing(path, range);
  const lines: JournalLine[] = [];
  const damages: Damage[] = [];
  let start = 0;
  while (start < bytes.length) {
    const lineFeed = bytes.indexOf(LINE_FEED, start);
    const end = lineFeed < 0 ? bytes.length : lineFeed + 1;
    const line = lineFeed < 0 ? undefined : decodeLine(bytes.toString("utf8", start, lineFeed));
    if (line !== undefined) lines.push(line);
    else {
      const reason = lineFeed < 0 ? "torn line" : "unreadable line";
      damages.push({ path, offset: range.from + start, bytes: end - start, reason });
    }
    start = end;
  }
  return { lines, nextOffset: range.from + bytes.length, damages };
}

/** Somebody has cut the file: what is not there cannot be waited for. */
function missing(path: string, { from, until }: Range): Chunk {
  const damage = { path, offset: from, bytes: until - from, reason: "missing lines" };
  return { lines: [], nextOffset: until, damages: from < until ? [damage] : [] };
}

/** Bytes up to the last line feed within the bound; without any, more until there is one or the range ends. */
function readWhole(path: string, { from, until, bytesMax }: Range): Buffer {
  const file = openSync(path, "r");
  try {
    for (let size = Math.min(bytesMax, until - from); ; size = Math.min(size * 2, until - from)) {
      const buffer = Buffer.allocUnsafe(size);
      const count = readFully(file, buffer, from);
      const isEnd = count < size || from + count >= until;
      const lineFeed = buffer.lastIndexOf(LINE_FEED, count - 1);
      if (isEnd) return buffer.subarray(0, count);
      if (lineFeed >= 0) return buffer.subarray(0, lineFeed + 1);
    }
  } finally {
    closeSync(file);
  }
}

function readFully(file: number, buffer: Buffer, position: number): number {
  let count = 0;
  while (count < buffer.length) {
    const read = readSync(file, buffer, count, buffer.length - count, position + count);
    if (read === 0) break;
    count += read;
  }
  return count;
}
