/**
 * An HTTP/1.1 request, read incrementally (RFC 9112). Bytes may be split anywhere.
 *
 *   head ──▶ length  ──▶ done     Content-Length; 0 where there is neither
 *     └────▶ chunked ──▶ done     Transfer-Encoding: chunked
 *
 * Strict wherever two servers could disagree on where a request ends: behind a proxy, what one of them takes for the
 * rest of a body the other takes for somebody else's request. Such a request is refused and its connection closed.
 */
import { HttpError } from "./http-error.ts";
import { ChunkReader } from "./http-chunks.ts";
import { ReceivedHeaders, type HeaderReader } from "./http-headers.ts";

export interface RequestHead {
  readonly method: string;
  /** Path and query; of an absolute URL, that part of it. */
  readonly target: string;
  readonly headers: HeaderReader;
  /** Whether the client wants to go on with this connection. */
  readonly isReusable: boolean;
  /** HTTP/1.0 knows no chunks, and has to be told that its connection stays. */
  readonly isHttp10: boolean;
  /** The client waits for a word before it sends the body. */
  readonly expectsContinue: boolean;
  /** Of the body; undefined where it comes in chunks. */
  readonly length: number | undefined;
}

export interface RequestListener {
  onHead(head: RequestHead): void;
  /** A piece of the body, never empty. */
  onBody(bytes: Buffer, from: number, to: number): void;
  /** The request is complete. What follows on the connection is the next one's. */
  onEnd(): void;
}

type State = "head" | "length" | "chunked" | "done";

/** What real clients send is hardly a tenth of it. Beyond it the error's kind is `too_large`. */
const HEAD_BYTES_MAX = 64 * 1024;
const BLANK_LINE = Buffer.from("\r\n\r\n");
const CR = 13;
const LF = 10;
/**
 * Request line and fields: no control characters, no line end that only one of two readers would see, no line without
 * a name or with a space behind it.
 */
const HEAD =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.([01])((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*)$/;
const ABSOLUTE = /^https?:\/\/[^/?#]+/i;
const LENGTH = /^\d{1,15}$/;
/** One name, a port perhaps: two values would be joined by a comma. */
const HOST = /^[^\s,/@]*$/;

export class RequestParser {
  readonly #listener: RequestListener;
  #state: State = "head";
  /** The unfinished head or line. */
  #kept: Buffer | undefined;
  #bytesLeft = 0;
  #chunks: ChunkReader | undefined;

  constructor(listener: RequestListener) {
    this.#listener = listener;
  }

  /** Nothing of a request has come, or all of it. */
  get isBetween(): boolean {
    return this.#state === "done" || (this.#state === "head" && this.#kept === undefined);
  }

  /** Begins to read the next request. */
  next(): void {
    this.#state = "head";
    this.#chunks = undefined;
  }

  /**
   * Gives what lies behind the request's end, where that came and something does. Throws `malformed` or `too_large`; then
   * nothing more may be pushed.
   */
  push(given: Buffer): Buffer | undefined {
    const bytes = this.#kept ? Buffer.concat([this.#kept, given]) : given;
    this.#kept = undefined;
    let at = 0;
    if (this.#state === "head") at = this.#readHead(bytes);
    if (this.#state === "length") at = this.#readCounted(bytes, at);
    else if (this.#state === "chunked") at = this.#readChunks(bytes, at);
    return this.#state === "done" && at < bytes.length ? bytes.subarray(at) : undefined;
  }

  #readHead(bytes: Buffer): number {
    let start = 0;
    // Some clients end a body with a line feed too many (RFC 9112, section 2.2).
    while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    const end = bytes.indexOf(BLANK_LINE, start);
    if (end < 0 ? bytes.length - start > HEAD_BYTES_MAX : end - start > HEAD_BYTES_MAX) {
      throw new HttpError("too_large", `The request's head is larger than ${HEAD_BYTES_MAX} bytes.`);
    }
    if (end < 0) {
      if (start < bytes.length) this.#kept = start === 0 ? bytes : bytes.subarray(start);
      return bytes.length;
    }
    this.#takeHead(bytes.toString("latin1", start, end));
    return end + BLANK_LINE.length;
  }

  /** `text` without the blank line. */
  #takeHead(text: string): void {
    const match = HEAD.exec(text);
    if (!match) throw malformed("no request line, or a header that is none");
    const [, method = "", target = "", minor, fields = ""] = match;
    const headers = new ReceivedHeaders(fields);
    const isHttp10 = minor === "0";
    const host = headers.get("host");
    if (host === null ? !isHttp10 : !HOST.test(host)) throw malformed("not one Host header");
    const connection = headers.get("connection")?.toLowerCase() ?? "";
    const length = this.#frame(headers, isHttp10);
    this.#listener.onHead({
      method,
      target: pathOf(target),
      headers,
      isReusable: isHttp10 ? connection.includes("keep-alive") : !connection.includes("close"),
      isHttp10,
      expectsContinue: !isHttp10 && headers.get("expect")?.toLowerCase() === "100-continue",
      length,
    });
    if (length === 0) this.#end();
  }

  /** Where the body ends (RFC 9112, section 6.3): its length, or undefined where it comes in chunks. */
  #frame(headers: HeaderReader, isHttp10: boolean): number | undefined {
    const encoding = headers.get("transfer-encoding");
    const length = headers.get("content-length");
    if (encoding !== null) {
      if (encoding.toLowerCase() !== "chunked" || isHttp10)
        throw malformed("a transfer encoding other than chunked");
      if (length !== null) throw malformed("both a length and a transfer encoding");
      this.#state = "chunked";
      this.#chunks = new ChunkReader((bytes, from, to) => this.#listener.onBody(bytes, from, to), {
        isLenient: false,
      });
      return undefined;
    }
    if (length !== null && !LENGTH.test(length)) throw malformed("a length that is none");
    this.#state = "length";
    return (this.#bytesLeft = Number(length ?? 0));
  }

  #readCounted(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bytesLeft);
    if (end === at) return at;
    this.#bytesLeft -= end - at;
    this.#listener.onBody(bytes, at, end);
    if (this.#bytesLeft === 0) this.#end();
    return end;
  }

  #readChunks(bytes: Buffer, at: number): number {
    const end = this.#chunks?.read(bytes, at) ?? at;
    if (this.#chunks?.isDone === true) this.#end();
    else if (end < bytes.length) this.#kept = bytes.subarray(end);
    return end;
  }

  #end(): void {
    this.#state = "done";
    this.#listener.onEnd();
  }
}

/** Proxies may name the whole URL; whose it is does not matter here. */
function pathOf(target: string): string {
  if (target.startsWith("/") || target === "*") return target;
  if (!ABSOLUTE.test(target)) throw malformed("a target that is no path");
  const rest = target.replace(ABSOLUTE, "");
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function malformed(what: string): HttpError {
  return new HttpError("malformed", `The request is no valid HTTP: ${what}.`);
}
