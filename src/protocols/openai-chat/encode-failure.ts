/**
 * Failures as this API's own SDKs expect them, before the first byte and after it. `x-should-retry` overrules the
 * SDKs' habit of repeating every 409, 429 and 5xx, so that they do not hammer on what only an operator can mend.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Failure, FailureKind } from "#model/failure.ts";
import { formatSse } from "#lib/sse.ts";
import type { EncodedFailure } from "#protocols/protocol.ts";

export function encodeFailure(failure: Failure, requestId: string): EncodedFailure {
  const { retryAfterMs } = failure.detail;
  return {
    status: failure.status,
    headers: {
      "x-request-id": requestId,
      "x-should-retry": String(words[failure.kind].mayRetry),
      ...(retryAfterMs !== undefined && {
        "retry-after": String(Math.ceil(retryAfterMs / 1000)),
        "retry-after-ms": String(Math.ceil(retryAfterMs)),
      }),
    },
    body: errorBody(failure, requestId),
  };
}

/** No `[DONE]` follows: a simple reader would take the answer for complete. SDKs raise on the error itself. */
export function encodeStreamFailure(failure: Failure, requestId: string): string {
  return formatSse(JSON.stringify(errorBody(failure, requestId)));
}

function errorBody(failure: Failure, requestId: string): JsonObject {
  const { type, code } = words[failure.kind];
  // A caller's mistake may carry a more precise code; what an upstream called its own trouble is not the caller's.
  const precise = failure.blame === "client" ? failure.detail.code : undefined;
  return {
    error: {
      message: failure.message,
      type,
      param: failure.detail.param ?? null,
      code: precise ?? code,
      blame: failure.blame,
      request_id: requestId,
    },
  };
}

interface Words {
  readonly type: string;
  readonly code: string | null;
  readonly mayRetry: boolean;
}

const invalid = (code: string | null): Words => ({ type: "invalid_request_error", code, mayRetry: false });
const broken = (code: string, mayRetry = true): Words => ({ type: "server_error", code, mayRetry });
const limited: Words = { type: "rate_limit_error", code: "rate_limit_exceeded", mayRetry: true };

const words: Readonly<Record<FailureKind, Words>> = {
  bad_request: invalid(null),
  unsupported: invalid("unsupported_parameter"),
  context_length: invalid("context_length_exceeded"),
  content_policy: invalid("content_policy_violation"),
  unauthenticated: invalid("invalid_api_key"),
  over_budget: { type: "insufficient_quota", code: "insufficient_quota", mayRetry: false },
  price_unknown: { type: "insufficient_quota", code: "price_unknown", mayRetry: false },
  forbidden: { type: "permission_error", code: "model_not_allowed", mayRetry: false },
  not_found: invalid("model_not_found"),
  method_not_allowed: invalid("method_not_allowed"),
  too_large: invalid("request_too_large"),
  rate_limited: limited,
  cancelled: invalid("cancelled"),
  upstream_rate_limited: limited,
  upstream_refused: broken("upstream_error", false),
  upstream_not_found: broken("upstream_error", false),
  upstream_failed: broken("upstream_error"),
  upstream_overloaded: broken("server_is_overloaded"),
  upstream_broken: broken("upstream_error"),
  upstream_empty: broken("upstream_error"),
  timeout: broken("timeout"),
  no_target: broken("server_is_overloaded"),
  unavailable: broken("service_unavailable"),
  internal: broken("internal_error", false),
};
