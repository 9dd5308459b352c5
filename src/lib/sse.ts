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
  /** The unfinished event, in the pieces it came in: joined once, when its end is found, not at every piece. */
  #pieces: string[] = [];
  #piecesChars = 0;
  /** The last characters of the pieces: a blank line may have begun in them. */
  #tail = "";
  #isStart = true;
  /** Whether the decoder may hold the beginning of a character. */
  #isMidCharacter = false;
  #sawCarriageReturn = false;

  constructor(frameCharsMax = FRAME_CHARS_MAX) {
    this.#frameCharsMax = frameCharsMax;
  }

  /** Frames completed by these bytes. Throws RangeError where one event passes the bound. */
  push(bytes: Uint8Array): readonly SseFrame[] {
    this.#isMidCharacter = true;
    return this.#append(this.#decoder.decode(bytes, GOES_ON));
  }

  /** The same of part of a buffer, without making a view of it. */
  pushPart(bytes: Buffer, from: number, to: number): readonly SseFrame[] {
    const endsInAscii = (bytes[to - 1] ?? 0) < FIRST_BEYOND_ASCII;
    // No character is cut at either end: then it takes no decoder that remembers.
    if (endsInAscii && !this.#isMidCharacter) return this.#append(bytes.toString("utf8", from, to));
    const frames = this.push(bytes.subarray(from, to));
    this.#isMidCharacter = !endsInAscii;
    return frames;
  }

  /** What is left when the body ends: complete frames, and an unterminated last one, which some servers send. */
  end(): readonly SseFrame[] {
    const frames = this.#append(this.#decoder.decode());
    const rest = this.#pieces.join("");
    this.#keep("");
    return rest.trim() === "" ? frames : [...frames, toFrame(rest)];
  }

  /** The same of text, where no bytes are pushed beside it. */
  pushText(text: string): readonly SseFrame[] {
    return this.#append(text);
  }

  /** A text that is there whole as frames; an unterminated last one is one too. */
  static readText(text: string): readonly SseFrame[] {
    const reader = new SseReader();
    return [...reader.#append(text), ...reader.end()];
  }

  #append(decoded: string): readonly SseFrame[] {
    const text = this.#isStart && decoded.charCodeAt(0) === BYTE_ORDER_MARK ? decoded.slice(1) : decoded;
    if (decoded !== "") this.#isStart = false;
    if (text === "") return NO_FRAMES;
    this.#sawCarriageReturn ||= text.includes("\r");
    const overlap = this.#tail.length;
    const window = overlap === 0 ? text : this.#tail + text;
    const firstEnd = this.#blankLineEnd(window, 0);
    if (firstEnd < 0) {
      this.#pieces.push(text);
      this.#piecesChars += text.length;
      this.#tail = window.slice(-BLANK_LINE_OVERLAP);
      if (this.#piecesChars > this.#frameCharsMax) throw new RangeError("server-sent event too large");
      return NO_FRAMES;
    }
    const buffer = this.#pieces.length === 0 ? text : this.#pieces.join("") + text;
    return this.#takeFrames(buffer, this.#piecesChars - overlap + firstEnd);
  }

  /** `firstEnd`: where the first of the events in the buffer ends. */
  #takeFrames(buffer: string, firstEnd: number): readonly SseFrame[] {
    const frames: SseFrame[] = [];
    let from = 0;
    let end = firstEnd;
    while (end >= 0) {
      frames.push(toFrame(buffer.slice(from, end)));
      from = end;
      end = this.#blankLineEnd(buffer, end);
    }
    this.#keep(buffer.slice(from));
    return frames;
  }

  #keep(rest: string): void {
    if (rest === "" && this.#piecesChars === 0) return;
    this.#pieces = rest === "" ? [] : [rest];
    this.#piecesChars = rest.length;
    this.#tail = rest.slice(-BLANK_LINE_OVERLAP);
  }

  /** Index just behind the next blank line, or -1. */
  #blankLineEnd(text: string, from: number): number {
    if (!this.#sawCarriageReturn) {
      const index = text.indexOf("\n\n", from);
      return index < 0 ? -1 : index + 2;
    }
    BLANK_LINE.lastIndex = from;
    return BLANK_LINE.test(text) ? BLANK_LINE.lastIndex : -1;
  }
}

const GOES_ON = { stream: true } as const;
const FIRST_BEYOND_ASCII = 0x80;
const BYTE_ORDER_MARK = 0xfeff;
const NO_FRAMES: readonly SseFrame[] = [];
const LINE_END = /\r\n|\n|\r/;
const DATA = "data: ";
const EVENT = "event: ";

function toFrame(raw: string): SseFrame {
  return toUsualFrame(raw) ?? toAnyFrame(raw);
}

/** One `data:` line, with or without an `event:` line before it, closed by LF LF or CRLF CRLF: no split, no list. */
function toUsualFrame(raw: string): SseFrame | undefined {
  let start = 0;
  let end = lineEnd(raw, 0);
  let event = "";
  if (raw.startsWith(EVENT)) {
    event = raw.slice(EVENT.length, end);
    start = raw.startsWith("\r\n", end) ? end + 2 : end + 1;
    end = lineEnd(raw, start);
  }
  if (!raw.startsWith(DATA, start)) return undefined;
  const behind = raw.length - end;
  const isClosed = behind === 2 ? raw.endsWith("\n\n") : behind === 4 && raw.endsWith("\r\n\r\n");
  return isClosed ? { event, data: raw.slice(start + DATA.length, end), raw } : undefined;
}

/** Where the line that begins here ends: CR, LF or both. */
function lineEnd(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  const carriage = text.indexOf("\r", from);
  return carriage < 0 ? feed : feed < 0 ? carriage : Math.min(feed, carriage);
}

function toAnyFrame(raw: string): SseFrame {
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
