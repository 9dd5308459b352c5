/**
 * Server-sent events, read incrementally (WHATWG HTML, section 9.2). Bytes may be split anywhere: inside UTF-8,
 * between CR and LF, inside a field name.
 *
 * It keeps each event's raw text, because the native lane forwards events exactly as they came; that is why it is
 * written here and not taken from a library (docs/decisions/0003-own-sse-reader.md).
 */

export interface SseFrame {
  /** The `event:` field, or "" where there is none. */
  readonly event: string;
  /** All `data:` lines joined with LF; "" for a comment. */
  readonly data: string;
  /** The event's text as received, with its line ends and the blank line that closes it. */
  readonly raw: string;
}

/** One event's bound: inline images make events of megabytes. */
const FRAME_CHARS_MAX = 32 * 1024 * 1024;
/** Two line ends in a row. A CR at the very end waits: the LF that completes it may be in the next chunk. */
const BLANK_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|$))/g;
/** The longest blank line, less one character: how far back one may have begun in the bytes already scanned. */
const BLANK_LINE_OVERLAP = 3;

export class SseReader {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #frameCharsMax: number;
  #buffer = "";
  /** Where to go on looking, so that 1-byte chunks do not cost a rescan of the event each. */
  #scanFrom = 0;
  #isStart = true;
  #sawCarriageReturn = false;

  constructor(frameCharsMax = FRAME_CHARS_MAX) {
    this.#frameCharsMax = frameCharsMax;
  }

  /** Frames completed by these bytes. Throws RangeError where one event passes the bound. */
  push(bytes: Uint8Array): readonly SseFrame[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return NO_FRAMES;
    this.#append(text);
    return this.#takeFrames();
  }

  /** What is left when the body ends: complete frames, and an unterminated last one, which some servers send. */
  end(): readonly SseFrame[] {
    this.#append(this.#decoder.decode());
    const frames = this.#takeFrames();
    const rest = this.#buffer;
    this.#buffer = "";
    return rest.trim() === "" ? frames : [...frames, toFrame(rest)];
  }

  /** Whether part of an event is waiting for its end. */
  get isMidFrame(): boolean {
    return this.#buffer !== "";
  }

  #append(text: string): void {
    this.#sawCarriageReturn ||= text.includes("\r");
    this.#buffer = this.#buffer === "" ? text : this.#buffer + text;
    if (!this.#isStart || this.#buffer === "") return;
    this.#isStart = false;
    if (this.#buffer.charCodeAt(0) === 0xfeff) this.#buffer = this.#buffer.slice(1);
  }

  #takeFrames(): readonly SseFrame[] {
    const frames: SseFrame[] = [];
    let from = 0;
    let end = this.#blankLineEnd(this.#scanFrom);
    while (end >= 0) {
      frames.push(toFrame(this.#buffer.slice(from, end)));
      from = end;
      end = this.#blankLineEnd(end);
    }
    if (from > 0) this.#buffer = this.#buffer.slice(from);
    this.#scanFrom = Math.max(0, this.#buffer.length - BLANK_LINE_OVERLAP);
    if (this.#buffer.length > this.#frameCharsMax) throw new RangeError("server-sent event too large");
    return frames;
  }

  /** Index just behind the next blank line, or -1. */
  #blankLineEnd(from: number): number {
    if (!this.#sawCarriageReturn) {
      const index = this.#buffer.indexOf("\n\n", from);
      return index < 0 ? -1 : index + 2;
    }
    BLANK_LINE.lastIndex = from;
    return BLANK_LINE.test(this.#buffer) ? BLANK_LINE.lastIndex : -1;
  }
}

const NO_FRAMES: readonly SseFrame[] = [];
const LINE_END = /\r\n|\n|\r/;
const USUAL_PREFIX = "data: ";

function toFrame(raw: string): SseFrame {
  // The usual frame is one `data:` line closed by LF LF: no split, no list.
  if (raw.startsWith(USUAL_PREFIX) && raw.indexOf("\n") === raw.length - 2 && !raw.includes("\r")) {
    return { event: "", data: raw.slice(USUAL_PREFIX.length, -2), raw };
  }
  let event = "";
  const data: string[] = [];
  for (const line of raw.split(LINE_END)) {
    const colon = line.indexOf(":");
    if (colon === 0 || line === "") continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
  }
  return { event, data: data.join("\n"), raw };
}

/** One event as text. `data` must be one line, which JSON is. */
export function formatSse(data: string, event?: string): string {
  return event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`;
}
