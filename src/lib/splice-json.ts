/**
 * Changes top-level fields of a JSON object's text and leaves every other byte as it was written: numbers past 2^53,
 * key order, spacing, duplicate-free or not. That is what "forwarded untouched" means (properties P10).
 */
import type { Json, JsonObject } from "./json.ts";

interface Member {
  /** From the key's quote to the end of its value. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/**
 * `text` is what `before` was parsed from; `after` is the wanted object. Fields of `after` that are the very value of
 * `before` keep their text, others are written anew, missing ones are cut out, new ones are appended.
 */
export function spliceJson(text: string, before: JsonObject, after: JsonObject): string {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = new Set([...names].filter((name) => own(before, name) !== own(after, name)));
  if (changed.size === 0) return text;
  const members = readMembers(text);
  const kept: string[] = [];
  const written = new Set<string>();
  for (const [name, spans] of members) {
    for (const span of spans) {
      const value = own(after, name);
      if (value === undefined) continue;
      // The last of several equal keys is the one that counts; a changed field is written once.
      if (changed.has(name) && span !== spans.at(-1)) continue;
      kept.push(changed.has(name) ? member(name, value) : text.slice(span.start, span.end));
      written.add(name);
    }
  }
  for (const [name, value] of Object.entries(after)) {
    if (value !== undefined && !written.has(name)) kept.push(member(name, value));
  }
  return `{${kept.join(",")}}`;
}

/** `__proto__` may be a member like any other in JSON, and is something else on an object that has it not. */
function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function member(name: string, value: Json): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

/** Where each top-level member stands. The text is known to parse as an object, so no error is possible. */
function readMembers(text: string): Map<string, Member[]> {
  const members = new Map<string, Member[]>();
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text[at] === '"') {
    const start = at;
    const keyEnd = stringEnd(text, at);
    const name = String(JSON.parse(text.slice(start, keyEnd)));
    const valueStart = skipSpace(text, text.indexOf(":", keyEnd) + 1);
    const end = valueEnd(text, valueStart);
    const spans = members.get(name);
    if (spans) spans.push({ start, valueStart, end });
    else members.set(name, [{ start, valueStart, end }]);
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

const SPACE = /[\s]*/y;

function skipSpace(text: string, from: number): number {
  SPACE.lastIndex = from;
  SPACE.test(text);
  return SPACE.lastIndex;
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
    if (!found) throw new Error("spliceJson was given text that is no JSON object");
    const character = found[0];
    at = character === '"' ? stringEnd(text, found.index) : found.index + 1;
    if (character === "{" || character === "[") depth += 1;
    else if (character !== '"') depth -= 1;
  } while (depth > 0);
  return at;
}
