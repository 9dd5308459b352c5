/**
 * A file that grows at its end, a line at a time, in one of two forms:
 *
 *   mapped    a line is copied into memory that is a page of the file: no system call
 *   written   a line is one write(2), on file systems that do not promise what mapping needs
 *
 * - When `append` returns, the kernel has the line: it survives `kill -9`. A power cut may take what `fsync` has not
 *   reached.
 * - Memory cannot say that the disk is full; the process would be killed (SIGBUS). So only blocks that are there
 *   already are touched: zeros are written ahead, and a full disk is an error of that write.
 * - Zeros therefore follow the last line while a mapped file is open, and stay where its process was killed. The
 *   line feed is written last: a line without it was never told to anybody.
 * - Nobody else may cut a mapped file short while it is open.
 */
import { strict as assert } from "node:assert";
import { closeSync, ftruncateSync, openSync, statfsSync, writeSync } from "node:fs";

export interface AppendFile {
  /** For `fsync`. */
  readonly descriptor: number;
  /** What was appended so far. */
  readonly bytes: number;
  /**
   * Gives the bytes the text and its line feed took. Throws what the disk throws; then nothing of the line is in
   * the file.
   */
  append(text: string): number;
  /** Gives back what was taken ahead; nothing is lost where that fails. */
  close(): void;
}

export type AppendForm = "mapped" | "written";

/**
 * Where a page that was written once takes further writes without a new block. Not so where files are copied on write
 * (btrfs, ZFS, XFS after a reflink) or are not this kernel's own (network, FUSE, the layers of a container's image).
 */
const EXT4 = 0xef53;
const TMPFS = 0x0102_1994;

export function appendFormFor(folder: string): AppendForm {
  try {
    return [EXT4, TMPFS].includes(statfsSync(folder).type) ? "mapped" : "written";
  } catch {
    return "written";
  }
}

/** Empties the file if it is there. */
export function openAppendFile(path: string, form: AppendForm): AppendFile {
  return form === "mapped" ? new MappedFile(path) : new WrittenFile(path);
}

/** So much is allocated and mapped at once: a few hundred requests, written in a tenth of a millisecond. */
const WINDOW_BYTES = 256 * 1024;
/** A map begins on a page. No Linux has larger ones. */
const PAGE_BYTES_MAX = 64 * 1024;
const ZEROS = Buffer.alloc(WINDOW_BYTES);
const LINE_FEED = 10;
/** Of one UTF-16 unit. */
const UTF8_BYTES_MAX = 3;

class MappedFile implements AppendFile {
  readonly descriptor: number;
  readonly #path: string;
  #bytes = 0;
  /** From here on nothing may be touched. */
  #allocated = 0;
  #window: Buffer<ArrayBuffer> | undefined;
  #windowStart = 0;
  #windowEnd = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
    this.descriptor = openSync(path, "w+", 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(text: string): number {
    const window = this.#windowFor(text);
    const start = this.#bytes - this.#windowStart;
    const length = window.write(text, start);
    // A window that was let go takes nothing and says nothing.
    assert(length >= text.length, "a line goes into its window whole");
    window[start + length] = LINE_FEED;
    this.#bytes += length + 1;
    return length + 1;
  }

  close(): void {
    this.#isClosed = true;
    this.#unmap();
    try {
      ftruncateSync(this.descriptor, this.#bytes);
    } catch {
      // The zeros stay; whoever reads the file knows them.
    }
    closeSync(this.descriptor);
  }

  /** The map of where the text goes, with room for it and its line feed. */
  #windowFor(text: string): Buffer {
    if (this.#window && this.#bytes + text.length * UTF8_BYTES_MAX < this.#windowEnd) return this.#window;
    assert(!this.#isClosed, "a closed file is cut short, and beyond its end nothing may be touched");
    const end = this.#bytes + Buffer.byteLength(text) + 1;
    if (this.#window && end <= this.#windowEnd) return this.#window;
    if (end > this.#allocated) this.#allocate(end);
    const offset = this.#bytes - (this.#bytes % PAGE_BYTES_MAX);
    const map = Bun.mmap(this.#path, { shared: true, offset, size: this.#allocated - offset });
    this.#unmap();
    this.#windowStart = offset;
    this.#windowEnd = this.#allocated;
    this.#window = Buffer.from(map.buffer);
    return this.#window;
  }

  /** A window further than asked for, unless the disk has less. */
  #allocate(end: number): void {
    const aim = Math.max(end, this.#allocated + WINDOW_BYTES);
    try {
      while (this.#allocated < aim) {
        const size = Math.min(ZEROS.length, aim - this.#allocated);
        this.#allocated += writeSync(this.descriptor, ZEROS, 0, size, this.#allocated);
      }
    } catch (error) {
      if (this.#allocated < end) throw error;
    }
  }

  /** At once: memory that waits for the garbage collector would count as the process's own. */
  #unmap(): void {
    this.#window?.buffer.transfer(0);
    this.#window = undefined;
  }
}

const SCRATCH_BYTES = 16 * 1024;

class WrittenFile implements AppendFile {
  readonly descriptor: number;
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  #bytes = 0;

  constructor(path: string) {
    this.descriptor = openSync(path, "w+", 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(text: string): number {
    const bytes = this.#encode(text);
    try {
      for (let written = 0; written < bytes.length;) {
        const position = this.#bytes + written;
        written += writeSync(this.descriptor, bytes, written, bytes.length - written, position);
      }
    } catch (error) {
      // A disk that fills up takes part of a line; the rest of it must not become the head of the next.
      ftruncateSync(this.descriptor, this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
    return bytes.length;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /** Valid until the next call: a buffer of its own for each line is what most lines would cost. */
  #encode(text: string): Buffer {
    if (text.length * UTF8_BYTES_MAX >= this.#scratch.length) return Buffer.from(`${text}\n`);
    const length = this.#scratch.write(text);
    this.#scratch[length] = LINE_FEED;
    return this.#scratch.subarray(0, length + 1);
  }
}
