/** A failure as the official SDKs of this API expect it, before the first byte and after it. */
import { formatSse } from "#lib/sse.ts";
import type { JsonObject } from "#lib/json.ts";
import type { Failure, FailureKind } from "#model/failure.ts";
import type { EncodedFailure } from "#protocols/protocol.ts";

export function encodeFailure(failure: Failure, requestId: string): EncodedFailure {
  return {
    status: statusOf(failure),
    headers: {
      "request-id": requestId,
      ...retryHeaders(failure),
    },
    body: errorBody(failure, requestId),
  };
}

/** One `error` event. Nothing may follow it, least of all `message_stop`. */
export function encodeStreamFailure(failure: Failure, requestId: string): string {
  return formatSse(JSON.stringify(errorBody(failure, requestId)), "error");
}

/** The API's overload status, which no other API has. */
const OVERLOADED_STATUS = 529;

function statusOf(failure: Failure): number {
  return failure.kind === "upstream_overloaded" ? OVERLOADED_STATUS : failure.status;
}

const errorTypes: Readonly<Record<FailureKind, string>> = {
  bad_request: "invalid_request_error",
  unsupported: "invalid_request_error",
  context_length: "invalid_request_error",
  content_policy: "invalid_request_error",
  unauthenticated: "authentication_error",
  over_budget: "billing_error",
  price_unknown: "billing_error",
  forbidden: "permission_error",
  not_found: "not_found_error",
  method_not_allowed: "invalid_request_error",
  too_large: "request_too_large",
  rate_limited: "rate_limit_error",
  cancelled: "api_error",
  upstream_rate_limited: "rate_limit_error",
  upstream_refused: "api_error",
  upstream_not_found: "api_error",
  upstream_failed: "api_error",
  upstream_overloaded: "overloaded_error",
  upstream_broken: "api_error",
  upstream_empty: "api_error",
  timeout: "timeout_error",
  no_target: "api_error",
  unavailable: "api_error",
  internal: "api_error",
};

function errorBody(failure: Failure, requestId: string): JsonObject {
  const { param, code } = failure.detail;
  return {
    type: "error",
    error: {
      type: errorTypes[failure.kind],
      message: messageOf(failure),
      ...(code !== undefined && { details: { error_code: code } }),
      ...(param !== undefined && { param }),
      blame: failure.blame,
    },
    request_id: requestId,
  };
}

/** Clients know an overlong prompt by these words. */
const OVERLONG = "prompt is too long";

function messageOf(failure: Failure): string {
  if (failure.kind !== "context_length" || failure.message.startsWith(OVERLONG)) return failure.message;
  return `${OVERLONG}: ${failure.message}`;
}

function retryHeaders(failure: Failure): Readonly<Record<string, string>> {
  const { retryAfterMs } = failure.detail;
  if (retryAfterMs !== undefined) {
    const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
    return { "retry-after": String(seconds), "retry-after-ms": String(Math.ceil(retryAfterMs)) };
  }
  // The SDKs repeat some 4xx and every 5xx by themselves unless told otherwise.
  return failure.blame === "client" && failure.kind !== "rate_limited" ? { "x-should-retry": "false" } : {};
}
