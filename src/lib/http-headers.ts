/**
 * Header fields on the wire (RFC 9112, section 5): written with care, because a value may come from a client; read
 * only where somebody asks, because of the twenty an answer has hardly three are ever looked at.
 */
import { HttpError } from "./http-error.ts";

/** The part of `Headers` that readers of an answer need. */
export interface HeaderReader {
  /** The value without the space around it; several fields of one name are joined by `, `. */
  get(name: string): string | null;
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A line end in a value would begin a header of the client's choosing, or a request. */
const NOT_IN_VALUE = /[^\t\x20-\x7e]/;

export type HeaderFields = Readonly<Record<string, string>>;

/** `name: value` lines, each with its line end. Throws `malformed` for what would change the lines' meaning. */
export function writeHeaders(headers: HeaderFields): string {
  let text = "";
  for (const name in headers) text += fieldLine(name, headers[name] ?? "");
  return text;
}

interface FieldLine {
  value: string;
  text: string;
}

/** Each name's last line: most headers say the same in one message after the other. */
const WRITTEN = new Map<string, FieldLine>();
/** Names are ours and the operator's, a few dozen; past this many it is begun anew. */
const WRITTEN_MAX = 512;

function fieldLine(name: string, value: string): string {
  const written = WRITTEN.get(name);
  if (written?.value === value) return written.text;
  if (NOT_IN_VALUE.test(value) || (!written && !NAME.test(name))) {
    throw new HttpError(
      "malformed",
      `The header ${JSON.stringify(name)} has characters HTTP does not allow.`,
    );
  }
  const text = `${name}: ${value}\r\n`;
  if (written) {
    written.value = value;
    written.text = text;
    return text;
  }
  if (WRITTEN.size >= WRITTEN_MAX) WRITTEN.clear();
  WRITTEN.set(name, { value, text });
  return text;
}

/** A line that continues another, has no name, or a space where two servers would read two names. */
const BAD_LINE = /\n(?![^ \t:\n]+(?:[ \t]+[^ \t:\n]+)*:)/;

/** How a header's line is found, by its name as it is asked for: our code asks for a few dozen, and no others. */
const LINES = new Map<string, RegExp>();

function lineOf(name: string): RegExp {
  let line = LINES.get(name);
  if (!line) {
    line = new RegExp(`\\n${name.replaceAll(/[^\w-]/g, "\\$&")}:`, "gi");
    LINES.set(name, line);
  }
  return line;
}

export class ReceivedHeaders implements HeaderReader {
  readonly #text: string;

  /** `text`: the lines, each with the LF of the line before it; what is before the first LF is none. Throws `malformed`. */
  constructor(text: string) {
    if (BAD_LINE.test(text)) throw new HttpError("malformed", "The answer has a header that is none.");
    this.#text = text;
  }

  get(name: string): string | null {
    const text = this.#text;
    const line = lineOf(name);
    line.lastIndex = 0;
    let found: string | null = null;
    while (line.test(text)) {
      const end = text.indexOf("\n", line.lastIndex);
      const value = withoutSpace(text.slice(line.lastIndex, end < 0 ? undefined : end));
      found = found === null ? value : `${found}, ${value}`;
    }
    return found;
  }
}

/** Not `trim`: it takes a non-breaking space as well, which is a letter's last byte, or what another reader leaves. */
function withoutSpace(text: string): string {
  let from = 0;
  let end = text.length;
  while (from < end && isSpace(text.charCodeAt(from))) from += 1;
  while (end > from && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(from, end);
}

/** Space, tab, or the first half of a line's end. */
function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 13;
}
