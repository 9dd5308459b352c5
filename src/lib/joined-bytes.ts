/**
 * Bytes that come in pieces and are read as one. The first piece stays what it is, part of what was received. Further
 * ones are joined to it as they come, because a body may come a byte at a time: a list of those would be a hundred times
 * the body.
 */
export class JoinedBytes {
  #bytes: Buffer | undefined;
  #from = 0;
  #to = 0;
  /** Whether more may be written behind what is there: the buffer is ours, not a view of what was received. */
  #isOwn = false;

  /** They lie in here from `from` to `to`; undefined where there are none. */
  get bytes(): Buffer | undefined {
    return this.#bytes;
  }

  get from(): number {
    return this.#from;
  }

  get to(): number {
    return this.#to;
  }

  get length(): number {
    return this.#to - this.#from;
  }

  /** A piece, never empty: of `bytes`, from here to there. `lengthMax`: how many there will be at most, where that is known. */
  push(bytes: Buffer, from: number, to: number, lengthMax = Number.POSITIVE_INFINITY): void {
    if (!this.#bytes) {
      this.#bytes = bytes;
      this.#from = from;
      this.#to = to;
      return;
    }
    const room = this.#roomFor(this.#bytes, this.length + to - from, lengthMax);
    bytes.copy(room, this.#to, from, to);
    this.#to += to - from;
  }

  clear(): void {
    this.#bytes = undefined;
    this.#from = 0;
    this.#to = 0;
    this.#isOwn = false;
  }

  #roomFor(waiting: Buffer, length: number, lengthMax: number): Buffer {
    if (this.#isOwn && length <= waiting.length) return waiting;
    const joined = Buffer.allocUnsafe(Math.min(2 * length, Math.max(length, lengthMax)));
    this.#to = waiting.copy(joined, 0, this.#from, this.#to);
    this.#from = 0;
    this.#bytes = joined;
    this.#isOwn = true;
    return joined;
  }
}
