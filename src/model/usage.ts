/**
 * One usage record for every API (properties P19). The input buckets are disjoint, so no vendor's meaning of
 * "input" can mix with another's: total prompt = input + cacheRead + cacheWrite. An absent field was not
 * reported; an explicit 0 stays 0.
 */

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
  return (usage.input ?? 0) + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0);
}

/** Later reports win field by field: providers send cumulative counts, and leave out what has not changed. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (earlier === undefined) return later;
  return { ...earlier, ...later };
}
