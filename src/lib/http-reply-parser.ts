/**
 * An HTTP/1.1 answer, read incrementally (RFC 9112). Bytes may be split anywhere.
 *
 *   head ──1xx──▶ head
 *     ├ Content-Length              ──▶ length ──────────────────────────────▶ done
 *     ├ Transfer-Encoding: chunked  ──▶ chunked ─────────────────────────────▶ done
 *     ├ neither                     ──▶ until_close ──the connection ends───▶ done
 *     └ 204, 304                    ─────────────────────────────────────────▶ done
 *
 * Strict where two readers could disagree on where the answer ends, for then its rest would be taken for the next one.
 * The end of the connection is the end of the answer only in `until_close`; elsewhere the answer is broken.
 */
import { ChunkReader } from "./http-chunks.ts";
import { HttpError } from "./http-error.ts";
import { ReceivedHeaders, type HeaderReader } from "./http-headers.ts";

export interface ReplyHandler {
  onHead(status: number, headers: HeaderReader): void;
  /** A piece of the body, never empty: of what was pushed, from here to there. A view of it would cost more than reading it. */
  onBody(bytes: Buffer, from: number, to: number): void;
  /** `isReusable`: whether the connection may carry another request. */
  onEnd(isReusable: boolean): void;
}

type State = "head" | "length" | "chunked" | "until_close" | "done";

const HEAD_BYTES_MAX = 64 * 1024;
const LF = 10;
const CR = 13;
const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d(?: [^\n]*)?\r?(?:\n|$)/;
/** Where its version's last digit and its status are. */
const MINOR_AT = 7;
const STATUS_AT = 9;
const STATUS_END = 12;
const LENGTH = /^(\d{1,15})(?:, \1)*$/;

export class ReplyParser {
  readonly #handler: ReplyHandler;
  #state: State = "head";
  /** The unfinished head or line. */
  #kept: Buffer | undefined;
  #bytesLeft = 0;
  #chunks: ChunkReader | undefined;
  #isReusable = false;

  constructor(handler: ReplyHandler) {
    this.#handler = handler;
  }

  /** Throws `malformed`; then nothing more may be pushed, and the connection carries no other request. */
  push(given: Buffer): void {
    const bytes = this.#kept ? Buffer.concat([this.#kept, given]) : given;
    this.#kept = undefined;
    let at = 0;
    while (at < bytes.length && this.#state !== "done") at = this.#step(bytes, at);
    // What comes behind the end nobody asked for.
    if (this.#state === "done") this.#handler.onEnd(this.#isReusable && at === bytes.length);
  }

  /** The connection ended. Throws `broken` where the answer did not. */
  finish(): void {
    if (this.#state !== "until_close") {
      throw new HttpError("broken", "The connection was closed before the answer was complete.");
    }
    this.#state = "done";
    this.#handler.onEnd(false);
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes, at);
      case "length":
        return this.#readCounted(bytes, at);
      case "chunked":
        return this.#readChunks(bytes, at);
      case "until_close":
        this.#handler.onBody(bytes, at, bytes.length);
        return bytes.length;
      case "done":
        return at;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const end = endOfHead(bytes, at);
    if (end < 0 ? bytes.length - at > HEAD_BYTES_MAX : end - at > HEAD_BYTES_MAX) {
      throw malformed("a head too long to hold");
    }
    if (end < 0) return this.#keep(bytes, at);
    // Without the blank line, so that each line but the first has the LF before it.
    this.#takeHead(bytes.toString("latin1", at, bytes[end - 2] === CR ? end - 3 : end - 2));
    return end;
  }

  #takeHead(text: string): void {
    if (!STATUS_LINE.test(text)) throw malformed("no status line");
    const status = Number(text.slice(STATUS_AT, STATUS_END));
    const headers = new ReceivedHeaders(text);
    if (status === 101) throw malformed("an upgrade nobody asked for");
    if (status < 200) return;
    this.#frame(status, headers, text[MINOR_AT] === "1");
    this.#handler.onHead(status, headers);
    if (this.#bytesLeft === 0 && this.#state === "length") this.#state = "done";
  }

  /** Where the body ends (RFC 9112, section 6.3). */
  #frame(status: number, headers: HeaderReader, isHttp11: boolean): void {
    const connection = headers.get("connection")?.toLowerCase() ?? "";
    this.#isReusable = isHttp11 ? !connection.includes("close") : connection.includes("keep-alive");
    this.#bytesLeft = 0;
    this.#state = "length";
    if (status === 204 || status === 304) return;
    const encoding = headers.get("transfer-encoding");
    const length = headers.get("content-length");
    if (encoding !== null) {
      if (encoding.toLowerCase() !== "chunked") throw malformed("a transfer encoding we did not ask for");
      // One of them is a lie, and which one the next server believes we cannot know.
      if (length !== null) this.#isReusable = false;
      this.#state = "chunked";
      this.#chunks = new ChunkReader((bytes, from, to) => this.#handler.onBody(bytes, from, to), {
        isLenient: true,
      });
      return;
    }
    if (length === null) {
      this.#state = "until_close";
      return;
    }
    if (!LENGTH.test(length)) throw malformed("a length that is none");
    // Of several that are equal, the first.
    this.#bytesLeft = Number.parseInt(length, 10);
  }

  #readCounted(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bytesLeft);
    this.#bytesLeft -= end - at;
    this.#handler.onBody(bytes, at, end);
    if (this.#bytesLeft === 0) this.#state = "done";
    return end;
  }

  #readChunks(bytes: Buffer, at: number): number {
    const end = this.#chunks?.read(bytes, at) ?? at;
    if (this.#chunks?.isDone === true) this.#state = "done";
    else if (end < bytes.length) return this.#keep(bytes, end);
    return end;
  }

  #keep(bytes: Buffer, at: number): number {
    this.#kept = at === 0 ? bytes : bytes.subarray(at);
    return bytes.length;
  }
}

/** Index behind the blank line, or -1. Servers that end lines with LF alone are read too. */
function endOfHead(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

function malformed(what: string): HttpError {
  return new HttpError("malformed", `The answer is no valid HTTP: ${what}.`);
}
