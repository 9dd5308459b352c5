/**
 * Usage records as text: a line of the journal is one, and it crosses to SQLite's thread as it is. So the thread that
 * answers requests makes objects of rows once and keeps nothing of them but this text.
 *
 *   {"settled":{"first":{...},"others":[{...}, ...]}}
 *
 * Rows of a request have most in common: of the others there is only what differs from the first, null where the first
 * has a field that they have not.
 */
import { asObject, isObject, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { UsageRecord } from "#model/usage-record.ts";

/** One line, of one record or more. A number that JSON cannot carry counts as not told. */
export function encodeUsage([first, ...rest]: readonly UsageRecord[]): string {
  if (!first) throw new RangeError("no usage records");
  const others = rest.map((record) => differenceOf(first, record));
  return JSON.stringify({ settled: { first, others } });
}

/** What JSON made of a usage text; undefined where it was none. */
export function decodeUsage(value: unknown): readonly UsageRecord[] | undefined {
  const settled = asObject(value)?.["settled"];
  // Whole records in a list are the text as it was before; a killed process of then may have left some.
  const records = Array.isArray(settled) ? settled : recordsIn(asObject(settled));
  if (!records?.every(hasIds)) return undefined;
  // The one trust of this parser: these texts are written by `encodeUsage` alone, and a torn one is no JSON.
  return records as readonly UsageRecord[];
}

function recordsIn(settled: JsonObject | undefined): readonly unknown[] | undefined {
  const first = settled?.["first"];
  const others = settled?.["others"];
  if (!isObject(first) || !Array.isArray(others)) return undefined;
  const records: unknown[] = [first];
  for (const other of others) records.push(isObject(other) ? withDifference(first, other) : undefined);
  return records;
}

/** Throws for what is no list of usage texts, which would be a bug. */
export function recordsOf(texts: readonly string[]): readonly UsageRecord[] {
  const values: unknown = JSON.parse(`[${texts.join(",")}]`);
  if (!Array.isArray(values)) throw new TypeError("no usage texts");
  return values.flatMap((value) => {
    const records = decodeUsage(value);
    if (!records) throw new TypeError("no usage text");
    return records;
  });
}

type Difference<Fields> = { [Name in keyof Fields]?: Fields[Name] | null };

/** Objects in them are the same or differ; nobody looks into them. */
function differenceOf<Fields extends object>(first: Fields, other: Fields): Difference<Fields> {
  const difference: Difference<Fields> = {};
  for (const name in other) if (other[name] !== first[name]) difference[name] = other[name];
  for (const name in first) if (other[name] === undefined) difference[name] = null;
  return difference;
}

function withDifference(first: JsonObject, difference: JsonObject): JsonObject {
  const record: MutableJsonObject = { ...first };
  for (const name in difference) {
    const value = difference[name];
    if (value === null) delete record[name];
    else if (value !== undefined) record[name] = value;
  }
  return record;
}

function hasIds(value: unknown): boolean {
  return isObject(value) && typeof value["id"] === "string" && typeof value["requestId"] === "string";
}
