/** One JSON line a request and few others. Secrets have no way in: only named fields are written, never bodies. */
import pino, { type Logger } from "pino";

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  /** Where lines go; stdout when absent. */
  readonly write?: (line: string) => void;
}

/** Keys as clients present them, wherever they might slip into a text. */
const KEY = /\b(XJP_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+/g;

export function createLog({ level, write }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: (line: string) => line.replaceAll(KEY, "$1...") },
  };
  if (write) return pino(options, { write });
  return pino(options, pino.destination({ dest: 1, sync: false, minLength: 0 }));
}
