/** One JSON line a request and few others. Secrets have no way in: only named fields are written, never bodies. */
import pino, { type Logger } from "pino";
import { systemClock, type Timer } from "#lib/clock.ts";

export interface Log extends Logger {
  /**
   * Lines that are JSON already, with level and time, and without secrets (`hideKeys`): what every request writes would
   * cost twice as much otherwise.
   */
  writeLines(lines: readonly string[]): void;
}

export interface LogOptions {
  readonly level: string;
  /** Where lines go; stdout when absent. */
  readonly write?: (line: string) => void;
}

/** Keys as clients present them, wherever they might slip into a text. */
const KEY = /(XJP_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+/g;

/**
 * Lines wait this long for company: a write for each took more of a request's time than making the line. An exit, also
 * one by an uncaught error, writes what waits; only `kill -9` may take the last lines, and no money is in them.
 */
const BUFFER_BYTES = 32 * 1024;
/** One write; more of what came together goes into the next. */
const WRITE_BYTES_MAX = 64 * 1024;
const FLUSH_INTERVAL_MS = 100;
/** What waits for a reader that does not read. Past it lines are lost: memory is worth more. */
const WAITING_CHARS_MAX = 16 * 1024 * 1024;

/** A key in a text becomes the prefix that people know it by. */
export function hideKeys(text: string): string {
  return text.replaceAll(KEY, "$1...");
}

export function createLog({ level, write }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: hideKeys },
  };
  const destination = write ? { write } : new StandardOutput();
  return Object.assign(pino(options, destination), {
    writeLines(lines: readonly string[]) {
      if (write) for (const line of lines) write(line);
      // The destination measures all that waits at every write.
      else if (lines.length > 0) destination.write(lines.join(""));
    },
  });
}

/**
 * Written to when enough has come, or a while after something has. Pino's own interval wakes a silent process ten times
 * a second.
 */
class StandardOutput {
  readonly #file = pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxWrite: WRITE_BYTES_MAX,
    maxLength: WAITING_CHARS_MAX,
  });
  #timer: Timer | undefined;
  /** Since the timer last fired. */
  #hasWritten = false;
  /** A flush that meets a write under way does nothing: what came meanwhile is looked at again when that has ended. */
  #mayRemain = false;

  constructor() {
    this.#file.on("drain", () => {
      if (this.#mayRemain) this.#flushLater();
      this.#mayRemain = false;
    });
  }

  write(text: string): void {
    this.#hasWritten = true;
    this.#file.write(text);
    this.#flushLater();
  }

  /** Pino asks for it by this name. */
  flush(done?: (error?: Error) => void): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#file.flush(done);
  }

  #flushLater(): void {
    this.#timer ??= systemClock.schedule(FLUSH_INTERVAL_MS, () => {
      this.#mayRemain = this.#hasWritten;
      this.#hasWritten = false;
      this.flush();
    });
  }
}

/** Resolves when every line written so far is out. */
export function flushLog(log: Log): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()));
}
