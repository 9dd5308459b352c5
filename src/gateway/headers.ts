/** The gateway's own answer headers. Upstream headers never cross: they speak of the operator's account. */
import { formatUsd } from "#model/money.ts";
import type { RateLimit } from "#limits/admission.ts";
import type { Attempt, Exchange } from "./exchange.ts";

type Headers = Record<string, string>;

/** Header values have a practical bound; a list past it is cut and says so. */
const DROPPED_CHARS_MAX = 1000;

export function answerHeaders(exchange: Exchange, attempt: Attempt, costNanoUsd?: number): Headers {
  const headers = failureHeaders(exchange);
  headers["x-xjp-target"] = headerSafe(attempt.target.id);
  headers["x-xjp-attempts"] = String(exchange.attempts.length);
  if (exchange.dropped.length > 0) headers["x-xjp-dropped"] = cut(exchange.dropped.join(","));
  if (costNanoUsd !== undefined) headers["x-xjp-cost-usd"] = formatUsd(costNanoUsd);
  return headers;
}

/** What every answer carries, refusals included. */
export function failureHeaders(exchange: Exchange): Headers {
  const headers: Headers = { "x-request-id": exchange.id };
  if (exchange.inbound.request.headers.has("origin")) {
    // Keys travel in headers, never in cookies, so any page that has one may read the answer.
    headers["access-control-allow-origin"] = "*";
    headers["access-control-expose-headers"] = "*";
  }
  if (exchange.protocolName === "anthropic-messages") headers["request-id"] = exchange.id;
  if (exchange.route) headers["x-xjp-model"] = headerSafe(exchange.route.logicalModel);
  const limits = exchange.admission?.rateLimit;
  if (limits) addRateHeaders(headers, limits, exchange);
  return headers;
}

interface RateNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

const openaiRates = {
  requests: {
    limit: "x-ratelimit-limit-requests",
    remaining: "x-ratelimit-remaining-requests",
    reset: "x-ratelimit-reset-requests",
  },
  tokens: {
    limit: "x-ratelimit-limit-tokens",
    remaining: "x-ratelimit-remaining-tokens",
    reset: "x-ratelimit-reset-tokens",
  },
} as const;
const anthropicRates = {
  requests: {
    limit: "anthropic-ratelimit-requests-limit",
    remaining: "anthropic-ratelimit-requests-remaining",
    reset: "anthropic-ratelimit-requests-reset",
  },
  tokens: {
    limit: "anthropic-ratelimit-tokens-limit",
    remaining: "anthropic-ratelimit-tokens-remaining",
    reset: "anthropic-ratelimit-tokens-reset",
  },
} as const;

function addRateHeaders(headers: Headers, limits: RateLimit, exchange: Exchange): void {
  const isAnthropic = exchange.protocolName === "anthropic-messages";
  const names = isAnthropic ? anthropicRates : openaiRates;
  const resetText = (resetMs: number) =>
    isAnthropic ? new Date(exchange.createdAtMs + resetMs).toISOString() : `${(resetMs / 1000).toFixed(3)}s`;
  const add = (name: RateNames, limit?: number, remaining?: number, resetMs?: number) => {
    if (limit === undefined || remaining === undefined || resetMs === undefined) return;
    headers[name.limit] = String(limit);
    headers[name.remaining] = String(remaining);
    headers[name.reset] = resetText(resetMs);
  };
  add(names.requests, limits.limitRequests, limits.remainingRequests, limits.resetRequestsMs);
  add(names.tokens, limits.limitTokens, limits.remainingTokens, limits.resetTokensMs);
}

function cut(text: string): string {
  const safe = headerSafe(text);
  return safe.length <= DROPPED_CHARS_MAX ? safe : `${safe.slice(0, DROPPED_CHARS_MAX)},...`;
}

/** Config and field paths may hold anything; a header may not. */
function headerSafe(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
