/**
 * What an error answer of Google's means: `{error: {code, message, status, details}}`, the same in an array, HTML from
 * a wrong path, or nothing. Bad keys (a 400 at AI Studio), locations and billing are the operator's faults, not the
 * caller's. A caller sees Google's words only for its own mistakes, and then without keys, projects or addresses.
 */
import { asArray, asNumber, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";
import { Failure, type FailureDetail, type FailureKind } from "#model/failure.ts";
import type { UpstreamAnswer } from "#protocols/protocol.ts";
import { boundWaitMs, retryAfterMs } from "#protocols/retry-after.ts";
import { blameByWords } from "#protocols/upstream-blame.ts";
import { scrubMessage } from "./scrub-message.ts";

export function decodeFailure(answer: UpstreamAnswer): Failure {
  const error = readError(parseJson(answer.text));
  const requestId = answer.headers.get("x-request-id") ?? answer.headers.get("x-goog-request-id");
  const waitMs = retryAfterMs(answer);
  return toFailure(error ?? {}, {
    upstreamStatus: answer.status,
    ...(requestId !== null && { upstreamRequestId: requestId }),
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
  });
}

/** An error object inside a stream whose HTTP status was 200. */
export function decodeStreamError(error: JsonObject): Failure {
  return toFailure(error, { upstreamStatus: asNumber(error["code"]) ?? 200 });
}

/** The error object in any of the shapes it comes in; undefined where the value is no error. */
export function readError(value: unknown): JsonObject | undefined {
  if (Array.isArray(value)) return readError(value.find((item) => readError(item) !== undefined));
  const error = asObject(value)?.["error"];
  if (typeof error === "string") return { message: error };
  return asObject(error);
}

function toFailure(error: JsonObject, detail: FailureDetail): Failure {
  const message = asString(error["message"]) ?? "";
  const status = statusOf(error, detail.upstreamStatus ?? 0);
  const kind = classify(error, { message, status });
  const { retryAfterMs: told, ...rest } = detail;
  const waitMs = retryDelayOf(error, message) ?? told;
  const isRetryTold =
    kind === "upstream_rate_limited" || kind === "upstream_overloaded" || kind === "upstream_failed";
  const param = kind === "bad_request" ? fieldOf(error) : undefined;
  const isRepeated = TEXTS[kind] === undefined && message.trim() !== "";
  return new Failure(kind, textOf(kind, message), {
    ...rest,
    ...(isRepeated && { isUpstreamText: true }),
    ...(isRetryTold && waitMs !== undefined && { retryAfterMs: waitMs }),
    ...(param !== undefined && { param }),
    ...(kind === "context_length" && { code: "context_length_exceeded" }),
    ...(message !== "" && { cause: scrubMessage(message) }),
  });
}

/**
 * Google's own word goes before the HTTP status: proxies rewrite the latter. But its words for 400 cover much, and an
 * HTTP status that says payment, permission or size says more.
 */
function statusOf(error: JsonObject, httpStatus: number): number {
  const word = asString(error["status"])?.toUpperCase();
  const told =
    (word === undefined ? undefined : STATUS_CODES.get(word)) ?? asNumber(error["code"]) ?? httpStatus;
  return told === 400 && PRECISE.has(httpStatus) ? httpStatus : told;
}

const PRECISE: ReadonlySet<number> = new Set([401, 402, 403, 413]);

const STATUS_CODES: ReadonlyMap<string, number> = new Map([
  ["INVALID_ARGUMENT", 400],
  ["FAILED_PRECONDITION", 400],
  ["OUT_OF_RANGE", 400],
  ["UNAUTHENTICATED", 401],
  ["PERMISSION_DENIED", 403],
  ["NOT_FOUND", 404],
  ["ALREADY_EXISTS", 409],
  ["ABORTED", 409],
  ["RESOURCE_EXHAUSTED", 429],
  ["CANCELLED", 499],
  ["INTERNAL", 500],
  ["UNKNOWN", 500],
  ["DATA_LOSS", 500],
  ["UNIMPLEMENTED", 501],
  ["UNAVAILABLE", 503],
  ["DEADLINE_EXCEEDED", 504],
]);

const OPERATOR_REASONS = new Set([
  "API_KEY_INVALID",
  "API_KEY_EXPIRED",
  "API_KEY_SERVICE_BLOCKED",
  "API_KEY_HTTP_REFERRER_BLOCKED",
  "API_KEY_IP_ADDRESS_BLOCKED",
  "ACCESS_TOKEN_EXPIRED",
  "SERVICE_DISABLED",
  "BILLING_DISABLED",
  "CONSUMER_INVALID",
]);
/** Believed only beside FAILED_PRECONDITION, which is about an account or a place and quotes nobody. */
const OPERATOR_MESSAGE =
  /^[^"'`:]*(?:location is not supported|not available in your (?:country|region)|enable billing|billing account)[^"'`:]*$/i;
const CONTEXT_MESSAGE =
  /token count.{0,40}exceeds|exceeds the maximum number of (input )?tokens|maximum context length|prompt is too long|context window|input (is )?too long/i;
const SIZE_MESSAGE = /payload size exceeds|request (entity )?(is )?too large/i;
const POLICY_MESSAGE = /responsible ai|prohibited content|content policy/i;

function classify(error: JsonObject, { message, status }: { message: string; status: number }): FailureKind {
  const reason = reasonOf(error) ?? "";
  const isPrecondition = error["status"] === "FAILED_PRECONDITION" && OPERATOR_MESSAGE.test(message);
  if (status === 400 && (OPERATOR_REASONS.has(reason) || isPrecondition)) return "upstream_refused";
  const blamed = blameByWords({ status, message, words: [reason] });
  if (blamed !== undefined) return blamed;
  if ((status === 400 || status === 413) && CONTEXT_MESSAGE.test(message)) return "context_length";
  if (status === 400 && SIZE_MESSAGE.test(message)) return "too_large";
  if (status === 400 && POLICY_MESSAGE.test(message)) return "content_policy";
  return kindOfStatus(status);
}

function kindOfStatus(status: number): FailureKind {
  switch (status) {
    case 401:
    case 402:
    case 403:
    case 407:
      return "upstream_refused";
    case 404:
      return "upstream_not_found";
    case 408:
    case 504:
      return "timeout";
    case 413:
      return "too_large";
    case 429:
      return "upstream_rate_limited";
    case 501:
      return "unsupported";
    case 503:
    case 529:
      return "upstream_overloaded";
    // A conflict or a cancellation upstream is none of the caller's doing.
    case 409:
    case 499:
      return "upstream_failed";
  }
  return status >= 400 && status < 500 ? "bad_request" : "upstream_failed";
}

const TEXTS: Partial<Record<FailureKind, string>> = {
  upstream_refused:
    "The provider refused the gateway's access. The operator must check key, project and region.",
  upstream_not_found: "The provider does not have this model. The operator must check the target.",
  upstream_rate_limited: "The provider limits the gateway's account. Try again later.",
  upstream_overloaded: "The provider is overloaded. Try again later.",
  upstream_failed: "The provider failed. Try again.",
  timeout: "The provider took too long.",
};

function textOf(kind: FailureKind, message: string): string {
  const own = TEXTS[kind];
  if (own !== undefined) return own;
  const said = scrubMessage(message);
  return said === ""
    ? "The provider refused the request without saying why."
    : `The provider refused the request: ${said}`;
}

// ---- details --------------------------------------------------------------------------------------------------

function detailOf(error: JsonObject, type: string): JsonObject | undefined {
  return asArray(error["details"])
    .map(asObject)
    .find((detail) => asString(detail?.["@type"])?.endsWith(`.${type}`));
}

function reasonOf(error: JsonObject): string | undefined {
  return asString(detailOf(error, "ErrorInfo")?.["reason"]);
}

function fieldOf(error: JsonObject): string | undefined {
  const violation = asObject(asArray(detailOf(error, "BadRequest")?.["fieldViolations"])[0]);
  const field = asString(violation?.["field"]);
  return field === undefined || field === "" ? undefined : field.slice(0, 200);
}

/** `retryDelay` is a duration as text (`34.4s`); some answers say it only in the message. */
function retryDelayOf(error: JsonObject, message: string): number | undefined {
  const delay = asString(detailOf(error, "RetryInfo")?.["retryDelay"]);
  const match = /^(\d+(?:\.\d+)?)s$/.exec(delay ?? "") ?? /retry in (\d+(?:\.\d+)?)s\b/i.exec(message);
  return match ? boundWaitMs(Number(match[1]) * 1000) : undefined;
}
