/**
 * Clewdr's own error bodies: `{"error":{"message","type","code"}}` with types of its own. What it passes on from
 * Anthropic is left to the protocol. Its messages are not repeated: they may hold addresses of the operator.
 */
import { asObject, asString, parseJson } from "#lib/json.ts";
import { Failure, type FailureKind } from "#model/failure.ts";
import type { UpstreamAnswer } from "#protocols/protocol.ts";

export function explainClewdr(answer: UpstreamAnswer): Failure | undefined {
  const { status } = answer;
  const error = asObject(asObject(parseJson(answer.text))?.["error"]);
  const type = asString(error?.["type"]);
  if (type !== undefined && ANTHROPIC_TYPES.has(type)) return undefined;
  // These only say that Claude's own error could not be read: the status is Claude's.
  if (type === "error_get_error_body" || type === "error_parse_error_body") return undefined;
  const own = OWN_FAILURES.get(type ?? "") ?? byStatus(status, type);
  if (!own) return undefined;
  const [kind, message] = own;
  return new Failure(kind, message, {
    upstreamStatus: status,
    ...(type !== undefined && CODE.test(type) && { code: type }),
    ...(kind === "upstream_rate_limited" && { retryAfterMs: EXHAUSTED_RETRY_MS }),
  });
}

/** A code goes into logs; one that could quote a caller's text does not pass. */
const CODE = /^[\w.-]{1,64}$/;

/** Subscriptions are limited over hours; asking again within seconds only burns attempts. */
const EXHAUSTED_RETRY_MS = 60_000;

const ANTHROPIC_TYPES: ReadonlySet<string> = new Set([
  "invalid_request_error",
  "authentication_error",
  "billing_error",
  "permission_error",
  "not_found_error",
  "request_too_large",
  "rate_limit_error",
  "timeout_error",
  "api_error",
  "overloaded_error",
]);

type Own = readonly [kind: FailureKind, message: string];

const UNREADABLE: Own = ["bad_request", "Clewdr could not read the request."];
const EXHAUSTED: Own = ["upstream_rate_limited", "Clewdr has no subscription left that can answer now."];

const OWN_FAILURES: ReadonlyMap<string, Own> = new Map<string, Own>([
  ["invalid_auth", ["upstream_refused", "Clewdr refuses the configured password."]],
  ["invalid_cookie", ["upstream_refused", "Clewdr's subscription is not valid any more."]],
  ["no_cookie_available", EXHAUSTED],
  ["too_many_retries", EXHAUSTED],
  ["json_rejection", UNREADABLE],
  ["path_rejection", UNREADABLE],
  ["query_rejection", UNREADABLE],
  ["bad_request", UNREADABLE],
  ["empty_choices", ["upstream_empty", "Clewdr answered without content."]],
  ["wreq_error", ["upstream_failed", "Clewdr could not reach Claude."]],
]);

function byStatus(status: number, type: string | undefined): Own | undefined {
  if (status === 204) return ["upstream_empty", "Clewdr answered without content."];
  // "Blocked, check your IP address": a redirect status without any redirect.
  if (status >= 300 && status < 400) return ["upstream_failed", "Clewdr is blocked by Claude."];
  if (type !== undefined && status >= 500) return ["upstream_failed", "Clewdr failed."];
  return undefined;
}
