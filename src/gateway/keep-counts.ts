/**
 * What an upstream counted, as far as it is counts. Holds are given back and limits refilled by these numbers, so a
 * negative, broken or boundless one would let an upstream hand out budget; it is taken as not reported instead.
 */
import type { Usage } from "#model/usage.ts";

/** Everything in a usage that is a number. */
export const countFields = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "output",
  "reasoning",
  "audioInput",
  "audioOutput",
  "imageInput",
  "imageOutput",
  "toolPrompt",
  "predictionAccepted",
  "predictionRejected",
  "webSearches",
  "costReportedNanoUsd",
] as const satisfies readonly (keyof Usage)[];

export type Counts = { -readonly [Name in (typeof countFields)[number]]?: number };

/** A usage's fields whatever their names, which an interface is not without a detour. */
type Fields = Readonly<Record<string, unknown>>;

/** Whole numbers from 0 to 2^53-1 stay. The usual case allocates nothing. */
export function keepCounts(usage: Usage): Usage {
  const fields: Pick<Usage, keyof Usage> = usage;
  if (holdsCountsOnly(fields)) return usage;
  const kept: Counts & Usage = { ...usage };
  for (const name of countFields) if (!isCount(kept[name])) delete kept[name];
  return kept;
}

function holdsCountsOnly(usage: Fields): boolean {
  for (const name in usage) {
    const value = usage[name];
    if (typeof value === "number" && !isCount(value)) return false;
  }
  return true;
}

function isCount(value: number | undefined): boolean {
  return value === undefined || (Number.isSafeInteger(value) && value >= 0);
}
