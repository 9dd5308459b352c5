/**
 * The chunked transfer coding (RFC 9112, section 7.1), read incrementally. Bytes may be split anywhere.
 *
 *   size ─▶ data ─▶ data_end ─▶ size ... ─0─▶ trailer ─▶ done
 */
import { HttpError } from "./http-error.ts";

/** A piece of the body, never empty: of what was pushed, from here to there. A view of it would cost more than reading it. */
export type BodyListener = (bytes: Buffer, from: number, to: number) => void;

type State = "size" | "data" | "data_end" | "trailer" | "done";

/** Of a chunk's size, whose extensions nobody uses. */
const LINE_BYTES_MAX = 4 * 1024;
const TRAILER_BYTES_MAX = 64 * 1024;
const DIGITS_MAX = 13;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SEMICOLON = 59;

export class ChunkReader {
  readonly #onBody: BodyListener;
  /**
   * Whether a line may end with LF alone, and space follow a size. From a client they may not: of two readers only one
   * would see the line's end.
   */
  readonly #isLenient: boolean;
  #state: State = "size";
  #bytesLeft = 0;
  #trailerBytes = 0;

  constructor(onBody: BodyListener, { isLenient }: { readonly isLenient: boolean }) {
    this.#onBody = onBody;
    this.#isLenient = isLenient;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * Gives the index behind what it has read; what is left, where it is not done, is an unfinished line, to be pushed again
   * with more. Throws `malformed`.
   */
  read(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#state !== "done") {
      const next = this.#step(bytes, at);
      if (next < 0) return at;
      at = next;
    }
    return at;
  }

  /** The index to go on from, or -1 where a line is not complete. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "size":
        return this.#readSize(bytes, at);
      case "data":
        return this.#readData(bytes, at);
      case "data_end":
        return this.#readDataEnd(bytes, at);
      case "trailer":
        return this.#readTrailer(bytes, at);
      case "done":
        return at;
    }
  }

  /** Hexadecimal digits up to the line's end; extensions behind them mean nothing to us. */
  #readSize(bytes: Buffer, at: number): number {
    const end = this.#lineEnd(bytes, at);
    if (end < 0) return -1;
    let size = 0;
    let next = at;
    for (let digit = hexDigit(bytes[next]); digit >= 0; digit = hexDigit(bytes[next])) {
      size = size * 16 + digit;
      next += 1;
    }
    if (next === at || next - at > DIGITS_MAX || !this.#isSizeEnd(bytes[next])) {
      throw malformed("a chunk size that is none");
    }
    this.#bytesLeft = size;
    this.#state = size === 0 ? "trailer" : "data";
    return end + 1;
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bytesLeft);
    this.#bytesLeft -= end - at;
    this.#onBody(bytes, at, end);
    if (this.#bytesLeft === 0) this.#state = "data_end";
    return end;
  }

  #readDataEnd(bytes: Buffer, at: number): number {
    if (bytes[at] === CR && at + 1 === bytes.length) return -1;
    const end = bytes[at] === CR ? at + 1 : at;
    if (bytes[end] !== LF || (end === at && !this.#isLenient))
      throw malformed("a chunk longer than its size");
    this.#state = "size";
    return end + 1;
  }

  #readTrailer(bytes: Buffer, at: number): number {
    const end = this.#lineEnd(bytes, at);
    if (end < 0) return -1;
    this.#trailerBytes += end - at;
    if (this.#trailerBytes > TRAILER_BYTES_MAX) throw malformed("a trailer too long to hold");
    const isEmpty = end === at || (end === at + 1 && bytes[at] === CR);
    if (isEmpty) this.#state = "done";
    return end + 1;
  }

  #isSizeEnd(byte: number | undefined): boolean {
    if (byte === CR || byte === SEMICOLON) return true;
    return this.#isLenient && (byte === LF || byte === SPACE || byte === TAB);
  }

  /** Index of the line's LF, or -1. */
  #lineEnd(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    if ((end < 0 ? bytes.length : end) - at > LINE_BYTES_MAX) throw malformed("a line too long to hold");
    if (end < 0 || this.#isLenient) return end;
    const hasReturn = end > at && bytes.indexOf(CR, at) === end - 1;
    if (!hasReturn) throw malformed("a line that does not end with its one carriage return");
    return end;
  }
}

/** Its value, or -1. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function malformed(what: string): HttpError {
  return new HttpError("malformed", `The chunked body is no valid HTTP: ${what}.`);
}
