/**
 * Counters of ended requests, added up before the registry hears of them: to find a counter by its labels is what
 * counting costs, and requests that end together mostly have the same ones.
 */
import type { UsageRecord } from "#model/usage-record.ts";
import type { Usage } from "#model/usage.ts";
import type { Metrics } from "./metrics.ts";

/** The names of the `type` label. */
const tokenTypes = {
  input: "input",
  cacheRead: "cache_read",
  cacheWrite: "cache_write",
  output: "output",
  reasoning: "reasoning",
} as const satisfies { readonly [Name in keyof Usage]?: string };
type TokenName = keyof typeof tokenTypes;
const tokenNames = ["input", "cacheRead", "cacheWrite", "output", "reasoning"] as const satisfies TokenName[];

/** Requests that count alike. */
interface Series {
  readonly labels: {
    readonly tenant_id: string;
    readonly logical_model: string;
    readonly provider: string;
  };
  readonly status: string;
  requests: number;
  readonly tokens: { [Name in TokenName]: number };
  costNanoUsd: number;
}

interface AttemptSeries {
  readonly labels: { readonly provider: string; readonly outcome: string };
  attempts: number;
}

export class Tally {
  readonly #series = new Map<string, Series>();
  readonly #attempts = new Map<string, AttemptSeries>();

  /** `modelLabel`: the logical model as config knows it. */
  add(record: UsageRecord, attempts: readonly UsageRecord[], modelLabel: string): void {
    for (const attempt of attempts) this.#attemptsLike(attempt).attempts += 1;
    const series = this.#seriesOf(record, modelLabel);
    series.requests += 1;
    if (record.attempts === 0) return;
    for (const name of tokenNames) {
      const count = record.usage[name];
      if (count !== undefined && count > 0) series.tokens[name] += count;
    }
    if (record.costNanoUsd !== undefined && record.costNanoUsd > 0) series.costNanoUsd += record.costNanoUsd;
  }

  /** Work to be done, each apart: what one counter does not take keeps no other from being told. */
  *counts(metrics: Metrics): Iterable<() => void> {
    for (const { labels, attempts } of this.#attempts.values())
      yield () => metrics.attempts.inc(labels, attempts);
    for (const { labels, status, requests, tokens, costNanoUsd } of this.#series.values()) {
      yield () => metrics.requests.inc({ ...labels, status }, requests);
      for (const name of tokenNames) {
        const type = tokenTypes[name];
        if (tokens[name] > 0) yield () => metrics.tokens.inc({ ...labels, type }, tokens[name]);
      }
      if (costNanoUsd > 0) yield () => metrics.cost.inc(labels, costNanoUsd);
    }
  }

  #seriesOf(record: UsageRecord, modelLabel: string): Series {
    const provider = providerOf(record);
    const key = `${record.tenantId}\0${modelLabel}\0${provider}\0${record.status}`;
    let series = this.#series.get(key);
    if (!series) {
      series = {
        labels: { tenant_id: record.tenantId, logical_model: modelLabel, provider },
        status: String(record.status),
        requests: 0,
        tokens: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 },
        costNanoUsd: 0,
      };
      this.#series.set(key, series);
    }
    return series;
  }

  #attemptsLike(attempt: UsageRecord): AttemptSeries {
    const provider = providerOf(attempt);
    const key = `${provider}\0${attempt.outcome}`;
    let series = this.#attempts.get(key);
    if (!series) {
      series = { labels: { provider, outcome: attempt.outcome }, attempts: 0 };
      this.#attempts.set(key, series);
    }
    return series;
  }
}

const NO_PROVIDER = "none";

export function providerOf(record: UsageRecord): string {
  return record.provider ?? NO_PROVIDER;
}
