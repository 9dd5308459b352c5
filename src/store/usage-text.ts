/**
 * Usage records as text: a line of the journal is one, and it crosses to SQLite's thread as it is. So the thread that
 * answers requests makes objects of rows once and keeps nothing of them but this text.
 */
import { asObject, isObject } from "#lib/json.ts";
import type { UsageRecord } from "#model/usage-record.ts";

/** One line. A number that JSON cannot carry counts as not told. */
export function encodeUsage(records: readonly UsageRecord[]): string {
  return JSON.stringify({ settled: records });
}

/** What JSON made of a usage text; undefined where it was none. */
export function decodeUsage(value: unknown): readonly UsageRecord[] | undefined {
  const records = asObject(value)?.["settled"];
  if (!Array.isArray(records) || !records.every(hasIds)) return undefined;
  // The one trust of this parser: these texts are written by `encodeUsage` alone, and a torn one is no JSON.
  return records as readonly UsageRecord[];
}

function hasIds(value: unknown): boolean {
  return isObject(value) && typeof value["id"] === "string" && typeof value["requestId"] === "string";
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
