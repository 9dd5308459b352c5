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

/** What every answer carries, refusals included. `limits`: the caller's, where they are known. */
export function failureHeaders(exchange: Exchange, limits = exchange.admission?.rateLimit): Headers {
  const headers: Headers = { "x-request-id": exchange.id };
  if (exchange.headers.get("origin") !== null) {
    // Keys travel in headers, never in cookies, so any page that has one may read the answer.
    headers["access-control-allow-origin"] = "*";
    headers["access-control-expose-headers"] = "*";
  }
  if (exchange.protocolName === "anthropic-messages") headers["request-id"] = exchange.id;
  if (exchange.route) headers["x-xjp-model"] = headerSafe(exchange.route.logicalModel);
  if (!limits) return headers;
  if (exchange.protocolName === "anthropic-messages")
    addAnthropicRates(headers, limits, exchange.createdAtMs);
  else addOpenaiRates(headers, limits);
  return headers;
}

function addOpenaiRates(headers: Headers, limits: RateLimit): void {
  if (limits.limitRequests !== undefined) {
    headers["x-ratelimit-limit-requests"] = String(limits.limitRequests);
    headers["x-ratelimit-remaining-requests"] = String(limits.remainingRequests);
    headers["x-ratelimit-reset-requests"] = secondsText(limits.resetRequestsMs);
  }
  if (limits.limitTokens !== undefined) {
    headers["x-ratelimit-limit-tokens"] = String(limits.limitTokens);
    headers["x-ratelimit-remaining-tokens"] = String(limits.remainingTokens);
    headers["x-ratelimit-reset-tokens"] = secondsText(limits.resetTokensMs);
  }
}

function addAnthropicRates(headers: Headers, limits: RateLimit, atMs: number): void {
  if (limits.limitRequests !== undefined) {
    headers["anthropic-ratelimit-requests-limit"] = String(limits.limitRequests);
    headers["anthropic-ratelimit-requests-remaining"] = String(limits.remainingRequests);
    headers["anthropic-ratelimit-requests-reset"] = timeText(atMs, limits.resetRequestsMs);
  }
  if (limits.limitTokens !== undefined) {
    headers["anthropic-ratelimit-tokens-limit"] = String(limits.limitTokens);
    headers["anthropic-ratelimit-tokens-remaining"] = String(limits.remainingTokens);
    headers["anthropic-ratelimit-tokens-reset"] = timeText(atMs, limits.resetTokensMs);
  }
}

/** `0.007s`, from whole milliseconds. */
function secondsText(ms = 0): string {
  const whole = Math.round(ms);
  return `${Math.floor(whole / 1000)}.${String(whole % 1000).padStart(3, "0")}s`;
}

function timeText(atMs: number, inMs = 0): string {
  return new Date(atMs + inMs).toISOString();
}

function cut(text: string): string {
  const safe = headerSafe(text);
  return safe.length <= DROPPED_CHARS_MAX ? safe : `${safe.slice(0, DROPPED_CHARS_MAX)},...`;
}

/** Config, field paths and a client's words may hold anything; a header may not. */
export function headerSafe(text: string): string {
  return UNSAFE.test(text) ? text.replaceAll(ALL_UNSAFE, "?") : text;
}

const UNSAFE = /[^\x20-\x7e]/;
const ALL_UNSAFE = /[^\x20-\x7e]/g;
