/**
 * Where the top-level members of a JSON object stand in its text, one after the other: duplicates, escaped names and all.
 * The text is known to parse as an object, so no error is possible.
 */

export interface Member {
  readonly name: string;
  /** From the key's quote to the end of its value. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

export function firstMember(text: string): Member | undefined {
  return memberAt(text, skipSpace(text, text.indexOf("{") + 1));
}

export function memberAfter(text: string, { end }: Member): Member | undefined {
  const at = skipSpace(text, end);
  return text.charCodeAt(at) === COMMA ? memberAt(text, skipSpace(text, at + 1)) : undefined;
}

function memberAt(text: string, start: number): Member | undefined {
  if (text.charCodeAt(start) !== QUOTE) return undefined;
  const keyEnd = stringEnd(text, start);
  const key = text.slice(start + 1, keyEnd - 1);
  const name = key.includes("\\") ? String(JSON.parse(`"${key}"`)) : key;
  const valueStart = skipSpace(text, text.indexOf(":", keyEnd) + 1);
  return { name, start, valueStart, end: valueEnd(text, valueStart) };
}

const QUOTE = 0x22;
const COMMA = 0x2c;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** JSON's own white space: space, line feed, tab, carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

/** Index behind the closing quote. Jumps from quote to quote, so megabytes of base64 are one native search. */
function stringEnd(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text[index - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

/** What can change the depth, or hide what can. */
const STRUCTURE = /["{}[\]]/g;
const SCALAR_END = /[,}\s]/g;

function valueEnd(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return stringEnd(text, start);
  if (first !== "{" && first !== "[") {
    SCALAR_END.lastIndex = start;
    SCALAR_END.test(text);
    return SCALAR_END.lastIndex - 1;
  }
  let depth = 0;
  let at = start;
  do {
    STRUCTURE.lastIndex = at;
    const found = STRUCTURE.exec(text);
    if (!found) throw new Error("the text is no JSON object");
    const character = found[0];
    at = character === '"' ? stringEnd(text, found.index) : found.index + 1;
    if (character === "{" || character === "[") depth += 1;
    else if (character !== '"') depth -= 1;
  } while (depth > 0);
  return at;
}
