/**
 * What a failed answer means. Read in this order, because each is more reliable than the next: what the provider
 * calls it (OpenRouter's canonical `error_type`, then `code` and `type`), the HTTP status, the wording.
 *
 * Error bodies come as `{error:{...}}`, `{error:"text"}`, flat `{object:"error",message}` (vLLM), `{detail}`
 * (FastAPI and Mistral), HTML from a proxy, or not at all. Trouble with our credentials or credit is the operator's
 * business (`upstream_refused`); a caller hears of it only that the upstream refused.
 */
import { asArray, asNumber, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";
import { Failure, type FailureDetail, type FailureKind } from "#model/failure.ts";
import { openaiWaitMs } from "#protocols/openai-wait.ts";
import type { UpstreamAnswer } from "#protocols/protocol.ts";
import { blameByWords } from "#protocols/upstream-blame.ts";
import { scrub } from "./scrub.ts";

export function decodeFailure(answer: UpstreamAnswer): Failure {
  const parsed = parseJson(answer.text);
  // Gemini's OpenAI layer wraps its error in a list.
  const body = asObject(Array.isArray(parsed) ? parsed[0] : parsed);
  const report = body ? readReport(body) : NOTHING;
  const wait = openaiWaitMs(answer);
  const requestId = answer.headers.get("x-request-id");
  return toFailure(
    { ...report, status: answer.status >= 400 ? answer.status : report.status },
    {
      upstreamStatus: answer.status,
      ...(wait !== undefined && { retryAfterMs: wait }),
      ...(requestId !== null && { upstreamRequestId: requestId }),
    },
  );
}

/** The failure inside a 200: a whole body or a stream's frame that carries an error. Undefined where it has none. */
export function embeddedFailure(body: JsonObject): Failure | undefined {
  const isFlat =
    body["object"] === "error" || (body["choices"] === undefined && body["detail"] !== undefined);
  if (!body["error"] && !isFlat) return undefined;
  const report = readReport(body);
  return toFailure(report, { ...(report.status > 0 && { upstreamStatus: report.status }) });
}

/** What was said, freed of its many shapes. */
interface Report {
  readonly message: string;
  /** Lower-case words the provider uses for the kind of error: codes, types. */
  readonly words: readonly string[];
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** The HTTP status the body itself claims, 0 where none. */
  readonly status: number;
  readonly mayWaitForCredit: boolean;
}

const NOTHING: Report = {
  message: "",
  words: [],
  code: undefined,
  param: undefined,
  status: 0,
  mayWaitForCredit: false,
};

function readReport(body: JsonObject): Report {
  const error = asObject(body["error"]) ?? body;
  const metadata = asObject(error["metadata"]) ?? {};
  const code = asString(error["code"]);
  const named = [metadata["error_type"], error["code"], error["type"], metadata["provider_code"]];
  const words = named.flatMap((word) => asString(word)?.toLowerCase() ?? []);
  const status = [error["code"], error["status_code"], error["status"]]
    .map(asNumber)
    .find((number) => number !== undefined && number >= 400 && number < 600);
  return {
    message: messageOf(body, error, metadata),
    words: metadata["flagged_input"] === undefined ? words : ["content_policy_violation", ...words],
    code: code !== undefined && asNumber(code) === undefined ? code : undefined,
    param: asString(error["param"]),
    status: status ?? 0,
    mayWaitForCredit: [metadata["limit_source"], metadata["reason"]].some((word) =>
      /in_flight|weight_exceeds/.test(asString(word) ?? ""),
    ),
  };
}

function messageOf(body: JsonObject, error: JsonObject, metadata: JsonObject): string {
  const said =
    asString(error["message"]) ??
    asString(body["error"]) ??
    asString(body["message"]) ??
    detailOf(asObject(body["message"]) ?? body);
  // OpenRouter says only "Provider returned error" and puts the provider's own words, perhaps JSON, beside it.
  const raw = asString(metadata["raw"]);
  const inner = raw === undefined ? undefined : (innerMessage(parseJson(raw)) ?? raw);
  return [said, inner].filter((text) => text !== undefined && text !== "").join(": ");
}

function innerMessage(value: unknown): string | undefined {
  const object = asObject(value);
  return asString(asObject(object?.["error"])?.["message"]) ?? asString(object?.["message"]);
}

/** FastAPI's `detail`: text, or a list of what is wrong with which field. */
function detailOf(body: JsonObject): string | undefined {
  const detail = body["detail"];
  if (typeof detail === "string") return detail;
  const lines = asArray(detail).flatMap((entry) => {
    const message = asString(asObject(entry)?.["msg"]);
    const place = asArray(asObject(entry)?.["loc"])
      .map((step) => asString(step) ?? asNumber(step) ?? "?")
      .join(".");
    return message === undefined ? [] : [`${place}: ${message}`];
  });
  return lines.length === 0 ? undefined : lines.join("; ");
}

function toFailure(report: Report, detail: FailureDetail): Failure {
  const kind = kindOf(report);
  const said = scrub(report.message);
  const isCallers = callersKinds.has(kind);
  const isRepeated = isCallers && said !== "";
  const { code } = report;
  const message = isRepeated ? said : sentences[kind];
  return new Failure(kind, message ?? "The upstream failed.", {
    ...detail,
    ...(isRepeated && { isUpstreamText: true }),
    ...(isCallers && report.param !== undefined && { param: scrub(report.param) }),
    ...(kind === "bad_request" && code !== undefined && CODE.test(code) && { code: scrub(code) }),
    ...(said !== "" && { cause: new Error(said) }),
  });
}

/** About the caller's own request: the caller reads what the upstream said. */
const callersKinds: ReadonlySet<FailureKind> = new Set([
  "bad_request",
  "unsupported",
  "context_length",
  "content_policy",
  "too_large",
]);

/** A code goes into logs; one that could quote a caller's text does not pass. */
const CODE = /^[\w.-]{1,64}$/;

/** What a caller may hear where the upstream's own words are the operator's business. */
const sentences: Partial<Record<FailureKind, string>> = {
  bad_request: "The upstream rejected the request without saying why.",
  context_length: "The conversation is longer than the model's context window. Shorten it.",
  content_policy: "The upstream's content policy blocked the request.",
  too_large: "The request is larger than the upstream accepts.",
  upstream_refused:
    "The upstream refuses the gateway's credentials, credit or permissions. The operator must mend it.",
  upstream_not_found: "The upstream does not have this model. The operator must mend it.",
  upstream_rate_limited: "The upstream limits its rate. Wait and try again.",
  upstream_overloaded: "The upstream is overloaded. Try again.",
  upstream_failed: "The upstream failed. Try again.",
  timeout: "The upstream did not answer in time. Try again.",
};

const CONTEXT_WORDS =
  /context_length_exceeded|token_limit_exceeded|too_many_prompt_tokens|string_too_long|string_above_max_length|model_max_prompt_tokens/;
const CONTEXT_TEXT =
  /maximum context length|context (?:length|window|size)|prompt is too long|too many (?:prompt )?tokens|exceeds? the (?:maximum|available) (?:number of tokens|context)|input token count|reduce the length of the (?:messages|prompt)|length of all messages is too long/i;
const POLICY_WORDS =
  /content_policy|content_filter|moderation|responsibleai|^refusal$|invalid_prompt|data_inspection_failed/;
const POLICY_TEXT = /content (?:management|policy|filter)|flagged|moderation|safety system/i;
const CREDIT_WORDS =
  /insufficient_quota|credit_balance|payment_required|billing|insufficient_balance|account_deactivated/;
const CREDENTIAL_WORDS = /invalid_api_key|authentication|permission_denied|permission_error|unauthorized/;
/** The model wrote something its own provider could not use (Groq): another try may go better. */
const MODEL_WORDS = /tool_use_failed|json_validate_failed/;
const LIMIT_WORDS = /rate_limit|too_many_requests|^requests$|^tokens$/;
const OVERLOAD_WORDS = /overloaded|slow_down|provider_unavailable|service_unavailable/;

function kindOf(report: Report & { readonly status: number }): FailureKind {
  const words = report.words.join(" ");
  const { status, message } = report;
  if (report.mayWaitForCredit) return "upstream_rate_limited";
  if (CREDIT_WORDS.test(words) || status === 402) return "upstream_refused";
  if (report.words.some((word) => POLICY_WORDS.test(word))) return "content_policy";
  const blamed = status === 403 && POLICY_TEXT.test(message) ? undefined : blameByWords(report);
  if (blamed !== undefined) return blamed;
  if (CONTEXT_WORDS.test(words)) return "context_length";
  if (CREDENTIAL_WORDS.test(words) || status === 401) return "upstream_refused";
  if (MODEL_WORDS.test(words)) return "upstream_failed";
  if (/model_not_found|^not_found$/.test(words)) return "upstream_not_found";
  if (report.words.some((word) => LIMIT_WORDS.test(word)) && status < 500) return "upstream_rate_limited";
  if (OVERLOAD_WORDS.test(words)) return "upstream_overloaded";
  return kindOfStatus(status, message, words);
}

function kindOfStatus(status: number, message: string, words: string): FailureKind {
  const isRequest = status === 400 || status === 413 || status === 422 || status === 0;
  if (isRequest && CONTEXT_TEXT.test(message)) return "context_length";
  if ((isRequest || status === 403) && POLICY_TEXT.test(message)) return "content_policy";
  if (status === 403) return "upstream_refused";
  if (status === 404 || status === 405 || status === 410) return "upstream_not_found";
  if (status === 408 || status === 504 || status === 524 || words.includes("timeout")) return "timeout";
  if (status === 413) return "too_large";
  if (status === 429) return "upstream_rate_limited";
  if (status === 503 || status === 529) return "upstream_overloaded";
  if (status >= 400 && status < 500) return "bad_request";
  return /invalid_request/.test(words) && status === 0 ? "bad_request" : "upstream_failed";
}
