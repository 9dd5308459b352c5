/** The head of an answer on the wire: status line, headers, date. */
import { STATUS_CODES } from "node:http";
import { writeHeaders } from "#lib/http-headers.ts";

export type Framing =
  /** Bytes of UTF-8. */
  | { readonly length: number }
  | "chunked"
  /** The connection's end is the body's: HTTP/1.0 knows no other for what has no length. */
  | "until_close"
  /** There is no body, nor may there be a length (RFC 9110, section 8.6). */
  | "none";

const MS_PER_SECOND = 1000;

export class ReplyHeadWriter {
  readonly #nowMs: () => number;
  readonly #statusLines = new Map<number, string>();
  /** A date has whole seconds, and thousands of answers share one. */
  #second = Number.NaN;
  #date = "";

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** `connection`: the field's value, where it is not what HTTP/1.1 takes for granted. Throws `malformed` for a header that is none. */
  write(
    status: number,
    headers: Readonly<Record<string, string>>,
    { framing, connection }: { readonly framing: Framing; readonly connection: string },
  ): string {
    let text = this.#statusLine(status) + writeHeaders(headers) + this.#dateLine();
    if (typeof framing === "object") text += `content-length: ${framing.length}\r\n`;
    else if (framing === "chunked") text += "transfer-encoding: chunked\r\n";
    if (connection !== "") text += `connection: ${connection}\r\n`;
    return `${text}\r\n`;
  }

  #statusLine(status: number): string {
    let line = this.#statusLines.get(status);
    if (line === undefined) {
      line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
      this.#statusLines.set(status, line);
    }
    return line;
  }

  #dateLine(): string {
    const nowMs = this.#nowMs();
    const second = Math.floor(nowMs / MS_PER_SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = `date: ${new Date(nowMs).toUTCString()}\r\n`;
    }
    return this.#date;
  }
}
