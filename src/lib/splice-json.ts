/**
 * Changes top-level fields of a JSON object's text and leaves every other byte as it was written: numbers past 2^53,
 * key order, spacing, duplicate-free or not. That is what "forwarded untouched" means (properties P10).
 */
import { firstMember, memberAfter, type Member } from "./json-members.ts";
import type { Json, JsonObject } from "./json.ts";

/** A field that is to be different. There are few in one body, so that they are searched one by one. */
interface Change {
  readonly name: string;
  /** Undefined where the field goes. */
  readonly value: Json | undefined;
  /** Whether the text has the field. */
  readonly isThere: boolean;
}

/**
 * `text` is what `before` was parsed from; `after` is the wanted object. Fields of `after` that are the very value of
 * `before` keep their text, others are written anew, missing ones are cut out, new ones are appended.
 */
export function spliceJson(text: string, before: JsonObject, after: JsonObject): string {
  const changes = changesOf(before, after);
  if (changes.length === 0) return text;
  return replaceInPlace(text, before, changes) ?? rebuild(text, changes);
}

function changesOf(before: JsonObject, after: JsonObject): readonly Change[] {
  const changes: Change[] = [];
  for (const name of Object.keys(before)) {
    // What an object inherits is no JSON, so it equals no field, and `own` then tells that it is none.
    if (after[name] !== before[name]) changes.push({ name, value: own(after, name), isThere: true });
  }
  for (const name of Object.keys(after)) {
    const value = after[name];
    if (value !== undefined && !Object.hasOwn(before, name)) changes.push({ name, value, isThere: false });
  }
  return changes;
}

function changeOf(changes: readonly Change[], name: string): Change | undefined {
  for (const change of changes) if (change.name === name) return change;
  return undefined;
}

/** The usual case: values are replaced or appended. Undefined where a field goes, or a changed one is there twice. */
function replaceInPlace(text: string, before: JsonObject, changes: readonly Change[]): string | undefined {
  let left = 0;
  for (const change of changes) {
    if (change.value === undefined) return undefined;
    if (change.isThere) left += 1;
  }
  const replaced: Change[] = [];
  let result = "";
  let from = 0;
  let found = left > 0 ? firstMember(text) : undefined;
  while (found) {
    const change = changeOf(changes, found.name);
    if (change) {
      if (replaced.includes(change)) return undefined;
      replaced.push(change);
      result += text.slice(from, found.valueStart) + JSON.stringify(change.value);
      from = found.end;
      if (replaced.length === left && !mayComeAgain(text, from, replaced)) break;
    }
    found = memberAfter(text, found);
  }
  const close = text.lastIndexOf("}");
  let comma = Object.keys(before).length > 0 ? "," : "";
  result += text.slice(from, close);
  for (const { name, value, isThere } of changes) {
    if (value === undefined || isThere) continue;
    result += comma + member(name, value);
    comma = ",";
  }
  return result + text.slice(close);
}

/** Whether a later member could have one of these names, however it is spelled: the last of equal keys would win. */
function mayComeAgain(text: string, from: number, changes: readonly Change[]): boolean {
  if (text.includes("\\u", from)) return true;
  for (const { name } of changes) if (!PLAIN.test(name) || text.includes(`"${name}"`, from)) return true;
  return false;
}

/** Names that JSON can spell in one other way only: with `\\u` escapes. */
const PLAIN = /^\w+$/;

/** Member by member. The last of several equal keys is the one that counts; a changed field is written once. */
function rebuild(text: string, changes: readonly Change[]): string {
  const members: Member[] = [];
  for (let found = firstMember(text); found; found = memberAfter(text, found)) members.push(found);
  const last = new Map(members.map((found) => [found.name, found]));
  const kept: string[] = [];
  for (const found of members) {
    const change = changeOf(changes, found.name);
    if (!change) kept.push(text.slice(found.start, found.end));
    else if (change.value !== undefined && last.get(found.name) === found)
      kept.push(member(found.name, change.value));
  }
  for (const { name, value } of changes) {
    if (value !== undefined && !last.has(name)) kept.push(member(name, value));
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
