/**
 * What an upstream's error means. Four bodies come here: Anthropic's own, Clewdr's own, Google's (Claude on Vertex) and
 * OpenRouter's, and sometimes none at all. Read by error type first, then by HTTP status; words of the message decide
 * only inside one type.
 *
 * Credentials, credit and permissions are the operator's: the caller reads that the upstream refused, not why.
 */
import { asArray, asNumber, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import { Failure, type FailureDetail, type FailureKind } from "#model/failure.ts";
import type { UpstreamAnswer } from "#protocols/protocol.ts";
import { blameByWords } from "#protocols/upstream-blame.ts";
import { waitMs } from "./wait.ts";

export function decodeFailure(answer: UpstreamAnswer): Failure {
  const parsed = parseJson(answer.text);
  const body = asObject(parsed) ?? asObject(asArray(parsed)[0]);
  const error = body && asObject(body["error"]);
  const kind = kindOf(error, answer.status);
  const wait = waitOf(kind, error, answer);
  const requestId = answer.headers.get("request-id") ?? (body && asString(body["request_id"]));
  return toFailure(kind, error, {
    upstreamStatus: answer.status,
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...(requestId !== null && requestId !== undefined && { upstreamRequestId: requestId }),
  });
}

/** An `error` object inside a stream or a 200 body. */
export function decodeErrorObject(error: JsonObject): Failure {
  return toFailure(kindOf(error, undefined), error, {});
}

const byType: Readonly<Record<string, FailureKind>> = {
  invalid_request_error: "bad_request",
  authentication_error: "upstream_refused",
  billing_error: "upstream_refused",
  permission_error: "upstream_refused",
  not_found_error: "upstream_not_found",
  conflict_error: "bad_request",
  request_too_large: "too_large",
  rate_limit_error: "upstream_rate_limited",
  api_error: "upstream_failed",
  timeout_error: "timeout",
  overloaded_error: "upstream_overloaded",
  // Clewdr's own.
  invalid_auth: "upstream_refused",
  invalid_cookie: "upstream_refused",
  no_cookie_available: "upstream_rate_limited",
  too_many_retries: "upstream_rate_limited",
  json_rejection: "bad_request",
  path_rejection: "bad_request",
  query_rejection: "bad_request",
  bad_request: "bad_request",
  empty_choices: "upstream_empty",
  wreq_error: "upstream_failed",
  // Google's, in front of Claude on Vertex.
  UNAUTHENTICATED: "upstream_refused",
  PERMISSION_DENIED: "upstream_refused",
  FAILED_PRECONDITION: "upstream_refused",
  NOT_FOUND: "upstream_not_found",
  INVALID_ARGUMENT: "bad_request",
  OUT_OF_RANGE: "bad_request",
  RESOURCE_EXHAUSTED: "upstream_rate_limited",
  ABORTED: "upstream_failed",
  INTERNAL: "upstream_failed",
  UNKNOWN: "upstream_failed",
  UNAVAILABLE: "upstream_overloaded",
  DEADLINE_EXCEEDED: "timeout",
};

function kindOf(error: JsonObject | undefined, httpStatus: number | undefined): FailureKind {
  const word = error && (asString(error["type"]) ?? asString(error["status"]));
  const known = lookUp(byType, word);
  const status = httpStatus === 200 || httpStatus === undefined ? codeOf(error) : httpStatus;
  const kind = known ?? byStatus(status);
  const message = messageOf(error);
  const meant = meantStatus(kind, word ?? String(status));
  const blamed =
    meant === undefined ? undefined : blameByWords({ status: meant, message, words: reasonsOf(error) });
  return blamed ?? (kind === "bad_request" ? byMessage(message) : kind);
}

/** The status a kind stands for where its wording may still change the blame. The type counts more than the status. */
function meantStatus(kind: FailureKind, word: string): number | undefined {
  if (kind === "bad_request") return 400;
  if (kind === "upstream_not_found") return 404;
  return kind === "upstream_refused" && FORBIDDEN.has(word) ? 403 : undefined;
}

const FORBIDDEN: ReadonlySet<string> = new Set(["permission_error", "PERMISSION_DENIED", "403"]);

/** Google's reasons, in front of Claude on Vertex. */
function reasonsOf(error: JsonObject | undefined): readonly string[] {
  return asArray(error?.["details"]).flatMap((detail) => asString(asObject(detail)?.["reason"]) ?? []);
}

/** OpenRouter and Google put the HTTP status into the error object. */
function codeOf(error: JsonObject | undefined): number | undefined {
  return error && asNumber(error["code"]);
}

const statuses: ReadonlyMap<number | undefined, FailureKind> = new Map([
  [204, "upstream_empty"],
  // Clewdr answers 302 with a body when its address is blocked.
  [302, "upstream_refused"],
  [400, "bad_request"],
  [401, "upstream_refused"],
  [402, "upstream_refused"],
  [403, "upstream_refused"],
  [404, "upstream_not_found"],
  [405, "bad_request"],
  [408, "timeout"],
  [409, "bad_request"],
  [413, "too_large"],
  [415, "bad_request"],
  [422, "bad_request"],
  [429, "upstream_rate_limited"],
  [503, "upstream_overloaded"],
  [504, "timeout"],
  [529, "upstream_overloaded"],
]);

function byStatus(status: number | undefined): FailureKind {
  return statuses.get(status) ?? "upstream_failed";
}

const OVERLONG =
  /prompt is too long|maximum context length|context window|context limit|exceeds? the maximum number of tokens|input length and .max_tokens. exceed/i;
const FILTERED = /content filtering policy|content polic/i;

function byMessage(message: string): FailureKind {
  if (OVERLONG.test(message)) return "context_length";
  return FILTERED.test(message) ? "content_policy" : "bad_request";
}

/** Clewdr's `message` may be any JSON value. */
function messageOf(error: JsonObject | undefined): string {
  const message = error?.["message"];
  if (typeof message === "string") return message;
  return message === undefined || message === null ? "" : JSON.stringify(message);
}

/** Subscriptions behind Clewdr come back in minutes, not seconds. */
const COOKIE_WAIT_MS = 300_000;

function waitOf(
  kind: FailureKind,
  error: JsonObject | undefined,
  answer: UpstreamAnswer,
): number | undefined {
  const told = waitMs(answer, kind === "upstream_rate_limited");
  const isExhausted = error?.["type"] === "no_cookie_available" || error?.["type"] === "too_many_retries";
  return told ?? (isExhausted ? COOKIE_WAIT_MS : undefined);
}

function toFailure(kind: FailureKind, error: JsonObject | undefined, detail: FailureDetail): Failure {
  const details = error && asObject(error["details"]);
  const code = details && asString(details["error_code"]);
  const message = messageOf(error);
  return new Failure(kind, clientMessage(kind, message), {
    ...detail,
    ...(repeated.has(kind) && scrub(message) !== "" && { isUpstreamText: true }),
    ...(code !== undefined && CODE.test(code) && { code }),
  });
}

/** A code goes into logs; one that could quote a caller's text does not pass. */
const CODE = /^[\w.-]{1,64}$/;

/** These are about the caller's own request: the caller reads what the upstream said, scrubbed. */
const repeated: ReadonlySet<FailureKind> = new Set([
  "bad_request",
  "unsupported",
  "context_length",
  "content_policy",
  "too_large",
]);

const messages: Readonly<Partial<Record<FailureKind, string>>> = {
  upstream_rate_limited: "The upstream limits this gateway's account. Try again later.",
  upstream_refused: "The upstream refused this gateway's account. Its operator has to look.",
  upstream_not_found: "The upstream does not know this model or address.",
  upstream_overloaded: "The upstream is overloaded. Try again later.",
  upstream_empty: "The upstream answered without content.",
  timeout: "The upstream took too long.",
};

function clientMessage(kind: FailureKind, message: string): string {
  if (repeated.has(kind)) return scrub(message) || "The upstream refused the request without saying why.";
  return messages[kind] ?? "The upstream failed.";
}

const MESSAGE_CHARS_MAX = 1000;
const SECRETS =
  /\b(?:sk-[\w-]{8,}|XJP_[\w-]+|AIza[\w-]{20,}|ya29\.[\w.-]+|Bearer\s+\S+|(?:org|req|msg)_\w{8,})|[\w.+-]+@[\w-]+\.[\w.]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bprojects\/[\w-]+/gi;

function scrub(message: string): string {
  return message.slice(0, MESSAGE_CHARS_MAX).replace(SECRETS, "[removed]");
}
