/**
 * The error envelope of OpenAI's two APIs, both ways: `{error:{message,type,param,code}}`, with `blame` added for our
 * own callers. Reading trusts the provider's word for the error first, then the status, then the wording, since
 * every compatible server has words of its own.
 *
 * What concerns the caller's request keeps the provider's message, scrubbed; the rest is told in our words, because
 * it would be about the operator's account.
 */
import { asNumber, asObject, asString, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { Failure, type FailureDetail, type FailureKind } from "#model/failure.ts";
import { openaiWaitMs } from "./openai-wait.ts";
import type { EncodedFailure, UpstreamAnswer } from "./protocol.ts";
import { blameByWords } from "./upstream-blame.ts";

export function readOpenaiFailure(answer: UpstreamAnswer): Failure {
  const body = asObject(parseJson(answer.text.trim()));
  const waitMs = openaiWaitMs(answer);
  const requestId = answer.headers.get("x-request-id");
  return toFailure(readError(body), answer.status, {
    upstreamStatus: answer.status,
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
    ...(requestId !== null && { upstreamRequestId: requestId }),
  });
}

/** An error inside a 200 answer or a stream: the value of `error`, or an event that is one itself. */
export function readOpenaiErrorObject(error: Json | undefined): Failure {
  const read = readError(asObject(error) ?? { message: asString(error) ?? "" });
  return toFailure(read, read.status ?? 0, {});
}

interface ErrorWords {
  readonly message: string;
  readonly words: readonly string[];
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly status: number | undefined;
  /** OpenRouter: the credit is only tied up by requests under way. */
  readonly isInFlight: boolean;
}

function readError(body: JsonObject | undefined): ErrorWords {
  const nested = body?.["error"];
  const error = asObject(nested) ?? body ?? {};
  const metadata = asObject(error["metadata"]) ?? {};
  const words = [metadata["error_type"], error["code"], error["type"]].flatMap(
    (word) => asString(word) ?? [],
  );
  const raw = asString(metadata["raw"]);
  return {
    message: [asString(nested) ?? asString(error["message"]) ?? "", raw ?? ""]
      .filter((text) => text !== "")
      .join(": "),
    words: metadata["flagged_input"] === undefined ? words : ["content_policy_violation", ...words],
    code: asString(error["code"]),
    param: asString(error["param"]),
    status: asNumber(error["code"]),
    isInFlight: /in_flight|weight_exceeds/.test(
      JSON.stringify([metadata["limit_source"], metadata["reason"]]),
    ),
  };
}

function toFailure(error: ErrorWords, status: number, detail: FailureDetail): Failure {
  const kind = kindOf(error, status);
  const said = scrub(error.message);
  const isCallers = callersKinds.has(kind);
  const isRepeated = isCallers && said !== "";
  return new Failure(kind, isRepeated ? said : sentenceOf(kind), {
    ...detail,
    ...(isRepeated && { isUpstreamText: true }),
    ...(isCallers && error.param !== undefined && { param: scrub(error.param) }),
    ...(isCallers && error.code !== undefined && CODE.test(error.code) && { code: scrub(error.code) }),
    ...(said !== "" && { cause: new Error(said) }),
  });
}

/** A code goes into logs; one that could quote a caller's text does not pass. */
const CODE = /^[\w.-]{1,64}$/;

const callersKinds: ReadonlySet<FailureKind> = new Set([
  "bad_request",
  "unsupported",
  "context_length",
  "content_policy",
  "too_large",
]);

function sentenceOf(kind: FailureKind): string {
  return sentences[kind] ?? "The upstream failed to answer. Try again.";
}

const sentences: Partial<Record<FailureKind, string>> = {
  bad_request: "The upstream rejected the request and gave no reason.",
  context_length: "The conversation does not fit the model's context window. Shorten it.",
  content_policy: "The upstream's content policy stopped the request.",
  too_large: "The request is larger than the upstream takes.",
  upstream_refused:
    "The upstream refuses the gateway's own credentials, credit or permissions; its operator must act.",
  upstream_not_found: "The upstream does not know this model; the gateway's operator must act.",
  upstream_rate_limited: "The upstream is limiting the gateway's rate. Wait and try again.",
  upstream_overloaded: "The upstream is overloaded. Try again in a moment.",
  timeout: "The upstream did not answer in time. Try again.",
};

/** First match decides. The order puts what is nobody's to repeat before what is. */
const wordKinds: readonly (readonly [words: RegExp, kind: FailureKind])[] = [
  [/insufficient_quota|credit_balance|payment_required|billing|account_deactivated/, "upstream_refused"],
  [
    /content_policy|content_filter|moderation|invalid_prompt|bio_policy|misalignment|^refusal$/,
    "content_policy",
  ],
  [/context_length|token_limit_exceeded|string_too_long|string_above_max/, "context_length"],
  [/invalid_api_key|authentication|permission|unauthorized|unsupported_country/, "upstream_refused"],
  [/model_not_found/, "upstream_not_found"],
  [/overloaded|slow_down|unavailable/, "upstream_overloaded"],
  [/rate_limit|too_many_requests|^requests$|^tokens$/, "upstream_rate_limited"],
  [/timeout/, "timeout"],
  [/server_error|^server$|internal/, "upstream_failed"],
  [
    /previous_response_not_found|invalid_value|unsupported_|invalid_image|image_|data_residency/,
    "bad_request",
  ],
];

const contextText =
  /maximum context length|context (?:window|length)|prompt is too long|exceeds the maximum number of tokens/i;

function kindOf(error: ErrorWords, status: number): FailureKind {
  if (error.isInFlight) return "upstream_rate_limited";
  if (status === 401 || status === 402) return "upstream_refused";
  const named = kindOfWords(error.words);
  if (named !== undefined && !open.has(named)) return named;
  const known = blameByWords({ ...error, status }) ?? named;
  if (known !== undefined) return known;
  const isRequest = status === 0 || status === 400 || status === 413 || status === 422;
  if (isRequest && contextText.test(error.message)) return "context_length";
  if (status === 0 && error.words.includes("invalid_request_error")) return "bad_request";
  return kindOfStatus(status);
}

/** Kinds whose blame the wording may still change. */
const open: ReadonlySet<FailureKind> = new Set(["bad_request", "upstream_refused", "upstream_not_found"]);

function kindOfWords(words: readonly string[]): FailureKind | undefined {
  for (const word of words) {
    const known = wordKinds.find(([pattern]) => pattern.test(word));
    if (known) return known[1];
  }
  return undefined;
}

function kindOfStatus(status: number): FailureKind {
  if (status === 403) return "upstream_refused";
  if (status === 404 || status === 410) return "upstream_not_found";
  if (status === 408 || status === 504 || status === 524) return "timeout";
  if (status === 413) return "too_large";
  if (status === 429) return "upstream_rate_limited";
  if (status === 503 || status === 529) return "upstream_overloaded";
  return status >= 400 && status < 500 ? "bad_request" : "upstream_failed";
}

const CHARS_MAX = 500;
const secrets =
  /\b(?:(?:sk|pk|rk|xai|gsk|key|org|proj|user|acct|XJP)[-_][\w.*-]{5,}|Bearer\s+\S+|AIza[\w-]{10,}|eyJ[\w-]{10,}[\w.-]*)/gi;

/** Providers quote parts of the operator's key and organisation, which a caller must not read. */
function scrub(text: string): string {
  const line = text
    .slice(0, 4 * CHARS_MAX)
    .replaceAll(secrets, "[redacted]")
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length > CHARS_MAX ? `${line.slice(0, CHARS_MAX - 1)}…` : line;
}

export function writeOpenaiFailure(failure: Failure, requestId: string): EncodedFailure {
  const { retryAfterMs } = failure.detail;
  return {
    status: failure.status,
    headers: {
      "x-request-id": requestId,
      "x-should-retry": String(openaiWords(failure).mayRetry),
      ...(retryAfterMs !== undefined && {
        "retry-after": String(Math.ceil(retryAfterMs / 1000)),
        "retry-after-ms": String(Math.ceil(retryAfterMs)),
      }),
    },
    body: { error: openaiErrorObject(failure) },
  };
}

export function openaiErrorObject(failure: Failure): JsonObject {
  const { type, code } = openaiWords(failure);
  return { message: failure.message, type, param: failure.detail.param ?? null, code, blame: failure.blame };
}

interface Words {
  readonly type: string;
  readonly code: string | null;
  /** SDKs repeat 409, 429 and 5xx by themselves; this stops them where only a person can help. */
  readonly mayRetry: boolean;
}

function openaiWords(failure: Failure): Words {
  const words = kindWords[failure.kind];
  const { code } = failure.detail;
  return failure.blame === "client" && code !== undefined ? { ...words, code } : words;
}

const caller = (code: string | null): Words => ({ type: "invalid_request_error", code, mayRetry: false });
const server = (code: string, mayRetry: boolean): Words => ({ type: "server_error", code, mayRetry });
const rate: Words = { type: "rate_limit_error", code: "rate_limit_exceeded", mayRetry: true };

const kindWords: Readonly<Record<FailureKind, Words>> = {
  bad_request: caller(null),
  unsupported: caller("unsupported_parameter"),
  context_length: caller("context_length_exceeded"),
  content_policy: caller("content_policy_violation"),
  unauthenticated: caller("invalid_api_key"),
  over_budget: { type: "insufficient_quota", code: "insufficient_quota", mayRetry: false },
  price_unknown: { type: "insufficient_quota", code: "price_unknown", mayRetry: false },
  forbidden: { type: "permission_error", code: "model_not_allowed", mayRetry: false },
  not_found: caller("model_not_found"),
  method_not_allowed: caller("method_not_allowed"),
  too_large: caller("request_too_large"),
  rate_limited: rate,
  cancelled: caller("cancelled"),
  upstream_rate_limited: rate,
  upstream_refused: server("upstream_error", false),
  upstream_not_found: server("upstream_error", false),
  upstream_failed: server("upstream_error", true),
  upstream_overloaded: server("server_is_overloaded", true),
  upstream_broken: server("upstream_error", true),
  upstream_empty: server("upstream_error", true),
  timeout: server("timeout", true),
  no_target: server("server_is_overloaded", true),
  unavailable: server("service_unavailable", true),
  internal: server("internal_error", false),
};
