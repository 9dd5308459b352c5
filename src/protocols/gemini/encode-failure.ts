/**
 * A failure as Google writes it, so that its SDKs raise their own class: `{error: {code, message, status, details}}`.
 * Whose fault it is and the request id stand in an ErrorInfo; when to come back in a RetryInfo.
 */
import type { JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import type { Failure, FailureKind } from "#model/failure.ts";
import type { EncodedFailure } from "#protocols/protocol.ts";

export function encodeFailure(failure: Failure, requestId: string): EncodedFailure {
  const retryAfterMs = failure.detail.retryAfterMs;
  return {
    status: failure.status,
    headers: {
      "content-type": "application/json; charset=UTF-8",
      ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    },
    body: errorBody(failure, requestId),
  };
}

/** Google's reader raises on any chunk with an `error` whose code is a number from 400 to 599. */
export function encodeStreamFailure(failure: Failure, requestId: string): string {
  return formatSse(JSON.stringify(errorBody(failure, requestId)));
}

function errorBody(failure: Failure, requestId: string): JsonObject {
  return {
    error: {
      code: failure.status,
      message: messageOf(failure),
      status: STATUS_WORDS[failure.kind],
      details: [...retryInfo(failure), ...badRequestInfo(failure), errorInfo(failure, requestId)],
    },
  };
}

const STATUS_WORDS: Record<FailureKind, string> = {
  bad_request: "INVALID_ARGUMENT",
  unsupported: "INVALID_ARGUMENT",
  context_length: "INVALID_ARGUMENT",
  content_policy: "INVALID_ARGUMENT",
  unauthenticated: "UNAUTHENTICATED",
  over_budget: "RESOURCE_EXHAUSTED",
  price_unknown: "RESOURCE_EXHAUSTED",
  forbidden: "PERMISSION_DENIED",
  not_found: "NOT_FOUND",
  method_not_allowed: "INVALID_ARGUMENT",
  too_large: "INVALID_ARGUMENT",
  rate_limited: "RESOURCE_EXHAUSTED",
  cancelled: "CANCELLED",
  upstream_rate_limited: "RESOURCE_EXHAUSTED",
  upstream_refused: "INTERNAL",
  upstream_not_found: "INTERNAL",
  upstream_failed: "INTERNAL",
  upstream_overloaded: "UNAVAILABLE",
  upstream_broken: "INTERNAL",
  upstream_empty: "INTERNAL",
  timeout: "DEADLINE_EXCEEDED",
  no_target: "UNAVAILABLE",
  unavailable: "UNAVAILABLE",
  internal: "INTERNAL",
};

/** Agents recognise an overflow by Google's words, and compact their history then. */
const OVERFLOW_WORDS = "The input token count exceeds the maximum number of tokens allowed.";

function messageOf(failure: Failure): string {
  const isTold = /input token count.{0,40}exceeds/i.test(failure.message);
  return failure.kind === "context_length" && !isTold
    ? `${OVERFLOW_WORDS} ${failure.message}`
    : failure.message;
}

const TYPES = "type.googleapis.com/google.rpc";

function retryInfo({ detail }: Failure): readonly JsonObject[] {
  if (detail.retryAfterMs === undefined) return [];
  return [{ "@type": `${TYPES}.RetryInfo`, retryDelay: `${detail.retryAfterMs / 1000}s` }];
}

function badRequestInfo({ detail, message }: Failure): readonly JsonObject[] {
  if (detail.param === undefined) return [];
  const fieldViolations = [{ field: detail.param, description: message }];
  return [{ "@type": `${TYPES}.BadRequest`, fieldViolations }];
}

function errorInfo(failure: Failure, requestId: string): JsonObject {
  return {
    "@type": `${TYPES}.ErrorInfo`,
    reason: (failure.detail.code ?? failure.kind).toUpperCase(),
    domain: "xjp",
    metadata: { blame: failure.blame, requestId },
  };
}
