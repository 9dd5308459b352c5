/**
 * Prometheus metrics, with the names dashboards rely on (docs/operations.md is generated from here). Label values come
 * from config and keys, never from request bodies, so a client cannot grow them.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { SummedHistogram } from "./summed-histogram.ts";

const DURATION_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const FIRST_TOKEN_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30];
const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];
const CANCEL_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const LAG_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[],
  ) => new Histogram({ name, help, buckets, labelNames, registers });
  const summed = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[],
  ) => new SummedHistogram({ name, help, buckets, labelNames, registers });
  return {
    registry,
    requests: counter("xjp_requests_total", "Requests by what the client got.", [
      "tenant_id",
      "logical_model",
      "provider",
      "status",
    ]),
    duration: summed(
      "xjp_request_duration_seconds",
      "From the first byte in to the last byte out.",
      DURATION_SECONDS,
      ["logical_model", "provider"],
    ),
    tokens: counter(
      "xjp_tokens_total",
      "Tokens by bucket: input, cache_read, cache_write, output, reasoning.",
      ["tenant_id", "logical_model", "provider", "type"],
    ),
    activeConnections: gauge("xjp_active_connections", "Requests in flight.", []),
    rateLimitHits: counter("xjp_rate_limit_hits_total", "Requests refused by the key's own limits.", [
      "tenant_id",
      "limit",
    ]),
    authErrors: counter("xjp_auth_errors_total", "Requests refused for their key.", ["reason"]),
    firstToken: summed(
      "xjp_time_to_first_token_seconds",
      "From the first byte in to the first content.",
      FIRST_TOKEN_SECONDS,
      ["logical_model", "provider"],
    ),
    overhead: summed(
      "xjp_overhead_seconds",
      "The gateway's own share: total minus time waiting for upstreams.",
      OVERHEAD_SECONDS,
      [],
    ),
    attempts: counter("xjp_attempts_total", "Attempts at upstreams.", ["provider", "outcome"]),
    breakerState: gauge("xjp_breaker_state", "0 closed, 1 half-open, 2 open.", ["target"]),
    upstreamCancel: histogram(
      "xjp_upstream_cancel_seconds",
      "From a client's leaving to the close of its upstream.",
      CANCEL_SECONDS,
      [],
    ),
    cost: counter("xjp_cost_nano_usd_total", "Known cost, in billionths of a dollar.", [
      "tenant_id",
      "logical_model",
      "provider",
    ]),
    journalBacklog: gauge(
      "xjp_journal_backlog",
      "Records in the journal that are not yet in the database.",
      [],
    ),
    eventLoopLag: histogram("xjp_event_loop_lag_seconds", "How late a timer fires.", LAG_SECONDS, []),
  };
}
