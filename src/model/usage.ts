/**
 * One usage record for every API (properties P19). The input buckets are disjoint, so no vendor's meaning of
 * "input" can mix with another's: total prompt = input + cacheRead + cacheWrite. An absent field was not
 * reported; an explicit 0 stays 0.
 *
 * Counts are whole numbers from 0 to 2^53-1, always: holds and prices are computed from them, so what an upstream
 * reports passes `toCount` and `toCostNanoUsd`, and sums pass `sumCounts`.
 */
import { asNumber } from "#lib/json.ts";
import { NANO_PER_USD } from "./money.ts";

export interface Usage {
  /** Prompt tokens neither read from nor written to a cache. */
  readonly input?: number;
  readonly cacheRead?: number;
  /** All cache writes, of every lifetime. */
  readonly cacheWrite?: number;
  /** The part of `cacheWrite` that lives an hour; the rest is the default lifetime. */
  readonly cacheWrite1h?: number;
  /** Everything generated, reasoning included. */
  readonly output?: number;
  /** The part of `output` spent on reasoning. */
  readonly reasoning?: number;
  /** Parts of `input` and `output` that were audio or images, where the provider tells. */
  readonly audioInput?: number;
  readonly audioOutput?: number;
  readonly imageInput?: number;
  readonly imageOutput?: number;
  /** The part of `input` that came from a hosted tool's results (Gemini `toolUsePromptTokenCount`). */
  readonly toolPrompt?: number;
  readonly predictionAccepted?: number;
  readonly predictionRejected?: number;
  readonly webSearches?: number;
  /** What the provider says it charged (OpenRouter `usage.cost`), in nano-USD. */
  readonly costReportedNanoUsd?: number;
  readonly serviceTier?: string;
  /** Counted by us because the provider did not, e.g. after an interrupted stream. */
  readonly estimated?: boolean;
}

/** Prompt tokens of every bucket, or undefined where none was reported. */
export function inputTotal(usage: Usage): number | undefined {
  if (usage.input === undefined && usage.cacheRead === undefined && usage.cacheWrite === undefined) {
    return undefined;
  }
  return sumCounts(usage.input, usage.cacheRead, usage.cacheWrite);
}

/** What an upstream reports as a count, or undefined where it is none: a fraction, below zero, past 2^53, no number. */
export function toCount(value: unknown): number | undefined {
  const count = typeof value === "string" && !DIGITS.test(value) ? undefined : asNumber(value);
  return count !== undefined && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** An int64 in proto-JSON is text. */
const DIGITS = /^\d{1,16}$/;

/** Absurd counts must not add up to a number that is no exact integer any more. */
export function sumCounts(first: number | undefined, second?: number, third?: number): number {
  return Math.min((first ?? 0) + (second ?? 0) + (third ?? 0), Number.MAX_SAFE_INTEGER);
}

/** What an upstream says it charged, in dollars, as nano-dollars; undefined where it is no amount of money. */
export function toCostNanoUsd(usd: unknown): number | undefined {
  const amount = asNumber(usd);
  if (amount === undefined || amount < 0) return undefined;
  return toCount(Math.round(amount * NANO_PER_USD));
}

/** Later reports win field by field: providers send cumulative counts, and leave out what has not changed. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (earlier === undefined) return later;
  return { ...earlier, ...later };
}
