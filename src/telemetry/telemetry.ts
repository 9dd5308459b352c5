/**
 * What the request path reports, and where it goes: metrics, the log line, gauges read when scraped.
 *
 * Ended requests wait a blink and are told together: ten in a row cost what two cost alone, because the code is warm,
 * their counters are added up first and their lines are one write.
 * Whoever reads (a scrape, the shutdown, an exit) has them told first. No money is in them; that is the journal's.
 */
import type { Clock, Timer } from "#lib/clock.ts";
import type { HealthRegistry } from "#health/target-health.ts";
import type { BreakerState } from "#health/breaker.ts";
import type { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { providerOf, Tally } from "./tally.ts";

export interface Telemetry {
  requestStarted(): void;
  requestEnded(record: UsageRecord, context: EndContext): void;
  /** Seconds from a client's leaving until its upstream was closed. */
  upstreamCancelled(seconds: number): void;
  /** Tells what still waits, now. */
  flush(): void;
}

export interface EndContext {
  readonly attempts: readonly UsageRecord[];
  readonly overheadMs: number;
  readonly keyPrefix: string | undefined;
  readonly failure: Failure | undefined;
  /** The logical model as config knows it; a name that only the client knows must not become a label. */
  readonly modelLabel: string;
}

const MS_PER_SECOND = 1000;

/** How long an ended request may wait for company, and how many may wait. */
const WAIT_MS = 5;
const WAITING_MAX = 256;

interface Ended {
  readonly record: UsageRecord;
  readonly context: EndContext;
  readonly endedAtMs: number;
}

export function createTelemetry(metrics: Metrics, log: Log, clock: Clock): Telemetry {
  let waiting: Ended[] = [];
  let timer: Timer | undefined;
  const flush = () => {
    timer?.cancel();
    timer = undefined;
    const ended = waiting;
    waiting = [];
    const tally = new Tally();
    for (const { record, context } of ended) {
      tally.add(record, context.attempts, context.modelLabel);
      tell(log, () => {
        countRefusal(metrics, record, context.failure);
        observeTimes(metrics, record, context);
      });
    }
    for (const work of tally.counts(metrics)) tell(log, work);
    writeLines(log, ended);
  };
  return {
    requestStarted: () => metrics.activeConnections.inc(),
    requestEnded(record, context) {
      metrics.activeConnections.dec();
      waiting.push({ record, context, endedAtMs: clock.nowMs() });
      if (waiting.length >= WAITING_MAX) flush();
      else timer ??= clock.schedule(WAIT_MS, flush);
    },
    upstreamCancelled: (seconds) => metrics.upstreamCancel.observe(seconds),
    flush,
  };
}

/** What cannot be told, by a metric or because the log is closed, keeps nothing else from being told. */
function tell(log: Log, work: () => void): void {
  try {
    work();
  } catch (error) {
    try {
      log.error({ err: error }, "a request could not be told");
    } catch {
      // The log itself: there is nowhere left to say it.
    }
  }
}

function countRefusal(metrics: Metrics, record: UsageRecord, failure: Failure | undefined): void {
  if (!failure) return;
  if (failure.kind === "rate_limited") {
    metrics.rateLimitHits.inc({ tenant_id: record.tenantId, limit: failure.detail.code ?? "rpm" });
  }
  if (failure.detail.code !== undefined && isKeyRefusal(failure.detail.code)) {
    metrics.authErrors.inc({ reason: failure.detail.code });
  }
}

const keyRefusals = new Set([
  "missing_api_key",
  "invalid_api_key_format",
  "invalid_api_key",
  "key_inactive",
  "key_expired",
  "tenant_inactive",
  "store_unavailable",
]);

function isKeyRefusal(code: string): boolean {
  return keyRefusals.has(code);
}

function observeTimes(metrics: Metrics, record: UsageRecord, { overheadMs, modelLabel }: EndContext): void {
  metrics.overhead.observe(overheadMs / MS_PER_SECOND);
  if (modelLabel === "") return;
  const labels = { logical_model: modelLabel, provider: providerOf(record) };
  metrics.duration.observe(labels, record.totalMs / MS_PER_SECOND);
  if (record.firstTokenMs !== undefined)
    metrics.firstToken.observe(labels, record.firstTokenMs / MS_PER_SECOND);
}

/** The lines of many requests are one write. */
function writeLines(log: Log, ended: readonly Ended[]): void {
  let lines: string[] = [];
  for (const entry of ended) {
    tell(log, () => {
      const { failure } = entry.context;
      if (failure?.kind !== "internal") {
        const line = lineOf(log, entry);
        if (line !== undefined) lines.push(line);
        return;
      }
      const before = lines;
      lines = [];
      log.writeLines(before);
      log.error({ ...fieldsOf(entry), err: failure.detail.cause }, "request");
    });
  }
  tell(log, () => log.writeLines(lines));
}

/** Undefined where the log does not want to hear of it. */
function lineOf(log: Log, ended: Ended): string | undefined {
  const { failure } = ended.context;
  const level = failure && failure.blame !== "client" ? "warn" : "info";
  if (!log.isLevelEnabled(level)) return undefined;
  const head = `{"level":${log.levels.values[level]},"time":"${new Date(ended.endedAtMs).toISOString()}",`;
  return `${head}${JSON.stringify(fieldsOf(ended)).slice(1, -1)},"msg":"request"}\n`;
}

function fieldsOf({ record, context }: Ended) {
  const { keyPrefix, failure, attempts, overheadMs } = context;
  return {
    request_id: record.id,
    tenant: record.tenantId || undefined,
    key: keyPrefix,
    protocol: record.protocolIn,
    model: record.logicalModel || undefined,
    target: record.target,
    stream: record.isStream,
    status: record.status,
    outcome: record.outcome,
    error: failure?.kind,
    blame: failure?.blame,
    // A provider's own words may quote the prompt; they are the caller's to read, not the log's.
    reason: failure?.detail.isUpstreamText === true ? failure.detail.code : failure?.message,
    attempts: record.attempts,
    attempt_errors: record.attempts > 1 ? attempts.map((attempt) => attempt.errorKind ?? "ok") : undefined,
    input_tokens: record.usage.input,
    output_tokens: record.usage.output,
    cost_nano_usd: record.costNanoUsd,
    first_token_ms: rounded(record.firstTokenMs),
    total_ms: rounded(record.totalMs),
    overhead_ms: rounded(overheadMs),
  };
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}

const stateNumber: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

export interface GaugeSources {
  readonly health: HealthRegistry;
  /** Ids of configured targets: only those become labels. */
  readonly targetIds: Iterable<string>;
  readonly journalBacklog: number;
}

/** Gauges that are read when scraped, not kept up to date. */
export function readGauges(metrics: Metrics, sources: GaugeSources): void {
  metrics.breakerState.reset();
  for (const target of sources.targetIds) {
    const state = sources.health.peek(target)?.breaker.state ?? "closed";
    metrics.breakerState.set({ target }, stateNumber[state]);
  }
  metrics.journalBacklog.set(sources.journalBacklog);
}
