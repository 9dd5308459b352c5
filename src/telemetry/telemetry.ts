/**
 * What the request path reports, and where it goes: metrics, the log line, gauges read when scraped.
 *
 * Ended requests wait a blink and are told together: ten in a row cost what two cost alone, because the code is warm,
 * their counters are added up first and their lines are one write.
 * Whoever reads (a scrape, the shutdown, an exit) has them told first. No money is in them; that is the journal's.
 */
import type { Clock, Timer } from "#lib/clock.ts";
import { asObject, parseJson } from "#lib/json.ts";
import type { HealthRegistry } from "#health/target-health.ts";
import type { BreakerState } from "#health/breaker.ts";
import type { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { RequestLines, type EndContext, type Ended } from "./request-lines.ts";
import { Tally } from "./tally.ts";

export interface Telemetry {
  requestStarted(): void;
  requestEnded(record: UsageRecord, context: EndContext): void;
  /** Seconds from a client's leaving until its upstream was closed. */
  upstreamCancelled(seconds: number): void;
  /** Tells what still waits, now. */
  flush(): void;
}

const MS_PER_SECOND = 1000;

/** How long an ended request may wait for company, and how many may wait. */
const WAIT_MS = 5;
const WAITING_MAX = 256;

export function createTelemetry(metrics: Metrics, log: Log, clock: Clock): Telemetry {
  let waiting: Ended[] = [];
  let timer: Timer | undefined;
  const tally = new Tally(metrics);
  const lines = new RequestLines();
  const flush = () => {
    timer?.cancel();
    timer = undefined;
    const ended = waiting;
    waiting = [];
    for (const { record, context } of ended) {
      const { attempts, modelLabel, overheadMs, failure } = context;
      tell(log, () => tally.add(record, attempts, modelLabel, overheadMs / MS_PER_SECOND));
      if (failure) tell(log, () => countRefusal(metrics, record, failure));
    }
    for (const work of tally.counts()) tell(log, work);
    writeLines(log, ended, lines);
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

function countRefusal(metrics: Metrics, record: UsageRecord, failure: Failure): void {
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

/** The lines of many requests are one write. */
function writeLines(log: Log, ended: readonly Ended[], writer: RequestLines): void {
  let lines: string[] = [];
  for (const entry of ended) {
    tell(log, () => {
      const { failure } = entry.context;
      if (failure?.kind === "internal") {
        const before = lines;
        lines = [];
        log.writeLines(before);
        log.error(
          { ...asObject(parseJson(`{${writer.fields(entry)}}`)), err: failure.detail.cause },
          "request",
        );
        return;
      }
      const level = failure && failure.blame !== "client" ? "warn" : "info";
      if (log.isLevelEnabled(level)) lines.push(writer.line(entry, log.levels.values[level] ?? 0));
    });
  }
  tell(log, () => log.writeLines(lines));
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
