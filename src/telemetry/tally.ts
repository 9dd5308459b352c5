/**
 * What ended requests count for, added up before the registry hears of it: to find a counter by its labels is what
 * counting costs, and requests mostly have the same ones.
 */
import type { UsageRecord } from "#model/usage-record.ts";
import type { Usage } from "#model/usage.ts";
import type { Metrics } from "./metrics.ts";
import type { Sums } from "./summed-histogram.ts";

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

/** Requests that count alike, and what they count for since the registry last heard of them. */
interface Series {
  readonly labels: {
    readonly tenant_id: string;
    readonly logical_model: string;
    readonly provider: string;
  };
  readonly status: string;
  /** Absent where the model is not told. */
  readonly times: Times | undefined;
  requests: number;
  readonly tokens: { [Name in TokenName]: number };
  costNanoUsd: number;
}

/** Of all tenants' requests to a model at a provider. */
interface Times {
  readonly duration: Sums;
  /** From the first token on. */
  firstToken?: Sums;
}

interface AttemptSeries {
  readonly labels: { readonly provider: string; readonly outcome: string };
  attempts: number;
}

/** There is one series for each that the registry has, so its bound is the labels' own. */
export class Tally {
  readonly #metrics: Metrics;
  readonly #series = new Map<string, Series>();
  readonly #times = new Map<string, Times>();
  readonly #attempts = new Map<string, AttemptSeries>();
  /** Those the registry has not heard of. */
  #counted: Series[] = [];
  #countedAttempts: AttemptSeries[] = [];
  readonly #overhead: Sums;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#overhead = metrics.overhead.open({});
  }

  /** `modelLabel`: the logical model as config knows it. Throws for times that are no numbers, with everything counted. */
  add(
    record: UsageRecord,
    attempts: readonly UsageRecord[],
    modelLabel: string,
    overheadSeconds: number,
  ): void {
    for (const attempt of attempts) this.#addAttempt(attempt);
    const series = this.#seriesOf(record, modelLabel);
    if (series.requests === 0) this.#counted.push(series);
    series.requests += 1;
    if (record.attempts > 0) addUsage(series, record);
    this.#overhead.add(overheadSeconds);
    if (series.times) this.#addTimes(series.times, series, record);
  }

  /** Work to be done, each apart: what one counter does not take keeps no other from being told. */
  *counts(): Iterable<() => void> {
    const metrics = this.#metrics;
    const [counted, countedAttempts] = [this.#counted, this.#countedAttempts];
    this.#counted = [];
    this.#countedAttempts = [];
    for (const series of countedAttempts) {
      const { labels, attempts } = series;
      series.attempts = 0;
      yield () => metrics.attempts.inc(labels, attempts);
    }
    for (const series of counted) {
      const { labels, status, requests, costNanoUsd } = series;
      series.requests = 0;
      series.costNanoUsd = 0;
      yield () => metrics.requests.inc({ ...labels, status }, requests);
      for (const name of tokenNames) {
        const count = series.tokens[name];
        series.tokens[name] = 0;
        if (count > 0) yield () => metrics.tokens.inc({ ...labels, type: tokenTypes[name] }, count);
      }
      if (costNanoUsd > 0) yield () => metrics.cost.inc(labels, costNanoUsd);
    }
  }

  #seriesOf(record: UsageRecord, modelLabel: string): Series {
    const provider = providerOf(record);
    const key = `${record.tenantId}\0${modelLabel}\0${provider}\0${record.status}`;
    let series = this.#series.get(key);
    if (!series) {
      const labels = { tenant_id: record.tenantId, logical_model: modelLabel, provider };
      series = {
        labels,
        status: String(record.status),
        times: modelLabel === "" ? undefined : this.#timesOf(modelLabel, provider),
        requests: 0,
        tokens: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 },
        costNanoUsd: 0,
      };
      this.#series.set(key, series);
    }
    return series;
  }

  #timesOf(modelLabel: string, provider: string): Times {
    const key = `${modelLabel}\0${provider}`;
    let times = this.#times.get(key);
    if (!times) {
      times = { duration: this.#metrics.duration.open({ logical_model: modelLabel, provider }) };
      this.#times.set(key, times);
    }
    return times;
  }

  #addTimes(times: Times, { labels }: Series, { totalMs, firstTokenMs }: UsageRecord): void {
    times.duration.add(totalMs / MS_PER_SECOND);
    if (firstTokenMs === undefined) return;
    const { logical_model, provider } = labels;
    times.firstToken ??= this.#metrics.firstToken.open({ logical_model, provider });
    times.firstToken.add(firstTokenMs / MS_PER_SECOND);
  }

  #addAttempt(attempt: UsageRecord): void {
    const provider = providerOf(attempt);
    const key = `${provider}\0${attempt.outcome}`;
    let series = this.#attempts.get(key);
    if (!series) {
      series = { labels: { provider, outcome: attempt.outcome }, attempts: 0 };
      this.#attempts.set(key, series);
    }
    if (series.attempts === 0) this.#countedAttempts.push(series);
    series.attempts += 1;
  }
}

const MS_PER_SECOND = 1000;

function addUsage(series: Series, { usage, costNanoUsd }: UsageRecord): void {
  for (const name of tokenNames) {
    const count = usage[name];
    if (count !== undefined && count > 0) series.tokens[name] += count;
  }
  if (costNanoUsd !== undefined && costNanoUsd > 0) series.costNanoUsd += costNanoUsd;
}

const NO_PROVIDER = "none";

function providerOf(record: UsageRecord): string {
  return record.provider ?? NO_PROVIDER;
}
