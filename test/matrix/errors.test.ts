/**
 * Errors through all sixteen pairs: each upstream's own refusals, those recorded and those its documentation lists, to
 * each client as that API's own error, which its official SDK raises as its own class.
 */
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import type { JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { Failure, FailureKind } from "#model/failure.ts";
import type { EncodedFailure } from "#protocols/protocol.ts";
import { errorOf } from "../demo/samples.ts";
import { readRecordings } from "../recording.ts";
import { apis, rooms } from "./rooms.ts";

interface Refusal {
  readonly status: number;
  readonly body: JsonObject | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly kind: FailureKind;
  readonly retryAfterMs?: number;
}

const openaiError = (type: string, code: string | null, message = "no") => ({
  error: { type, code, message, param: null },
});
const anthropicError = (type: string, message = "no") => ({ type: "error", error: { type, message } });
const googleError = (code: number, status: string, message = "no", details: JsonObject[] = []) => ({
  error: { code, status, message, details },
});
const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" };
const badKey = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" };

const ofOpenai: readonly Refusal[] = [
  { status: 400, body: openaiError("invalid_request_error", null), kind: "bad_request" },
  {
    status: 400,
    body: openaiError("invalid_request_error", "context_length_exceeded"),
    kind: "context_length",
  },
  {
    status: 400,
    body: openaiError("invalid_request_error", "content_policy_violation"),
    kind: "content_policy",
  },
  { status: 401, body: openaiError("invalid_request_error", "invalid_api_key"), kind: "upstream_refused" },
  { status: 403, body: openaiError("permission_error", null), kind: "upstream_refused" },
  { status: 404, body: openaiError("invalid_request_error", "model_not_found"), kind: "upstream_not_found" },
  { status: 413, body: openaiError("invalid_request_error", null), kind: "too_large" },
  { status: 429, body: openaiError("insufficient_quota", "insufficient_quota"), kind: "upstream_refused" },
  {
    status: 429,
    body: openaiError("tokens", "rate_limit_exceeded"),
    headers: { "retry-after": "7" },
    kind: "upstream_rate_limited",
    retryAfterMs: 7000,
  },
  { status: 500, body: openaiError("server_error", null), kind: "upstream_failed" },
  { status: 502, body: "<html>Bad gateway</html>", kind: "upstream_failed" },
  { status: 503, body: openaiError("server_error", "server_is_overloaded"), kind: "upstream_overloaded" },
];

const refusals: Readonly<Record<ProtocolName, readonly Refusal[]>> = {
  "openai-chat": ofOpenai,
  "openai-responses": ofOpenai,
  "anthropic-messages": [
    { status: 400, body: anthropicError("invalid_request_error"), kind: "bad_request" },
    {
      status: 400,
      body: anthropicError("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
      kind: "context_length",
    },
    { status: 401, body: anthropicError("authentication_error"), kind: "upstream_refused" },
    { status: 402, body: anthropicError("billing_error"), kind: "upstream_refused" },
    { status: 403, body: anthropicError("permission_error"), kind: "upstream_refused" },
    { status: 404, body: anthropicError("not_found_error"), kind: "upstream_not_found" },
    { status: 413, body: anthropicError("request_too_large"), kind: "too_large" },
    {
      status: 429,
      body: anthropicError("rate_limit_error"),
      headers: { "retry-after": "7" },
      kind: "upstream_rate_limited",
      retryAfterMs: 7000,
    },
    { status: 500, body: anthropicError("api_error"), kind: "upstream_failed" },
    { status: 502, body: "<html>Bad gateway</html>", kind: "upstream_failed" },
    { status: 529, body: anthropicError("overloaded_error"), kind: "upstream_overloaded" },
  ],
  gemini: [
    { status: 400, body: googleError(400, "INVALID_ARGUMENT"), kind: "bad_request" },
    {
      status: 400,
      body: googleError(
        400,
        "INVALID_ARGUMENT",
        "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
      ),
      kind: "context_length",
    },
    {
      status: 400,
      body: googleError(400, "INVALID_ARGUMENT", "API key not valid.", [badKey]),
      kind: "upstream_refused",
    },
    { status: 402, body: googleError(402, "FAILED_PRECONDITION"), kind: "upstream_refused" },
    { status: 403, body: googleError(403, "PERMISSION_DENIED"), kind: "upstream_refused" },
    { status: 413, body: googleError(413, "INVALID_ARGUMENT"), kind: "too_large" },
    { status: 404, body: googleError(404, "NOT_FOUND"), kind: "upstream_not_found" },
    {
      status: 429,
      body: googleError(429, "RESOURCE_EXHAUSTED", "no", [retryInfo]),
      kind: "upstream_rate_limited",
      retryAfterMs: 7000,
    },
    { status: 500, body: googleError(500, "INTERNAL"), kind: "upstream_failed" },
    { status: 502, body: "<html>Bad gateway</html>", kind: "upstream_failed" },
    { status: 503, body: googleError(503, "UNAVAILABLE"), kind: "upstream_overloaded" },
    { status: 504, body: googleError(504, "DEADLINE_EXCEEDED"), kind: "timeout" },
  ],
};

// ---- what the client sees: mapping, section 12 ----------------------------------------------------------------------

interface Words {
  readonly status: number;
  readonly openai: readonly [type: string, code: string | null];
  readonly anthropic: readonly [type: string, status: number];
  readonly google: string;
}

const invalid = (code: string | null): Words => ({
  status: 400,
  openai: ["invalid_request_error", code],
  anthropic: ["invalid_request_error", 400],
  google: "INVALID_ARGUMENT",
});
const broken: Words = {
  status: 502,
  openai: ["server_error", "upstream_error"],
  anthropic: ["api_error", 502],
  google: "INTERNAL",
};

const told: Readonly<Partial<Record<FailureKind, Words>>> = {
  bad_request: invalid(null),
  context_length: invalid("context_length_exceeded"),
  content_policy: invalid("content_policy_violation"),
  too_large: {
    status: 413,
    openai: ["invalid_request_error", "request_too_large"],
    anthropic: ["request_too_large", 413],
    google: "INVALID_ARGUMENT",
  },
  upstream_refused: broken,
  upstream_not_found: broken,
  upstream_failed: broken,
  upstream_rate_limited: {
    status: 429,
    openai: ["rate_limit_error", "rate_limit_exceeded"],
    anthropic: ["rate_limit_error", 429],
    google: "RESOURCE_EXHAUSTED",
  },
  upstream_overloaded: {
    status: 503,
    openai: ["server_error", "server_is_overloaded"],
    anthropic: ["overloaded_error", 529],
    google: "UNAVAILABLE",
  },
  timeout: {
    status: 504,
    openai: ["server_error", "timeout"],
    anthropic: ["timeout_error", 504],
    google: "DEADLINE_EXCEEDED",
  },
};

type ErrorClass = abstract new (...given: never[]) => Error;

const openaiClasses: Readonly<Record<number, ErrorClass>> = {
  400: OpenAI.BadRequestError,
  413: OpenAI.APIError,
  429: OpenAI.RateLimitError,
};
const anthropicClasses: Readonly<Record<number, ErrorClass>> = {
  400: Anthropic.BadRequestError,
  413: Anthropic.APIError,
  429: Anthropic.RateLimitError,
};

function wordsFor(kind: FailureKind): Words {
  const words = told[kind];
  if (!words) throw new Error(`no row for ${kind}`);
  return words;
}

// ---- the SDKs -------------------------------------------------------------------------------------------------------

/** What the official SDK raises for this answer. */
function raisedBy(client: ProtocolName, { status, headers, body }: EncodedFailure): Promise<Error> {
  const fetch = async () =>
    new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/json", ...headers },
    });
  const common = { apiKey: "none", maxRetries: 0, fetch };
  const messages = [{ role: "user" as const, content: "?" }];
  switch (client) {
    case "openai-chat":
      return errorOf(new OpenAI(common).chat.completions.create({ model: "m", messages }));
    case "openai-responses":
      return errorOf(new OpenAI(common).responses.create({ model: "m", input: "?" }));
    case "anthropic-messages":
      return errorOf(new Anthropic(common).messages.create({ model: "m", max_tokens: 1, messages }));
    case "gemini": {
      const google = new GoogleGenAI({
        apiKey: "none",
        httpOptions: { fetch, retryOptions: { attempts: 1 } },
      });
      return errorOf(google.models.generateContent({ model: "m", contents: "?" }));
    }
  }
}

async function expectToldWell(client: ProtocolName, failure: Failure): Promise<void> {
  const encoded = rooms[client].client.encodeFailure(failure, "request1");
  const error = await raisedBy(client, encoded);
  const words = wordsFor(failure.kind);
  const { retryAfterMs } = failure.detail;
  // A header of whole seconds must not say too little.
  const seconds = retryAfterMs === undefined ? undefined : String(Math.ceil(retryAfterMs / 1000));
  expect(encoded.headers["retry-after"]).toBe(seconds);
  switch (client) {
    case "openai-chat":
    case "openai-responses": {
      const [type, code] = words.openai;
      expect(error).toBeInstanceOf(openaiClasses[words.status] ?? OpenAI.InternalServerError);
      expect(error).toMatchObject({ status: words.status, type });
      if (code !== null) expect(error).toMatchObject({ code });
      return;
    }
    case "anthropic-messages": {
      const [type, status] = words.anthropic;
      expect(error).toBeInstanceOf(anthropicClasses[status] ?? Anthropic.InternalServerError);
      expect(error).toMatchObject({ status, error: { type: "error", error: { type } } });
      if (failure.kind === "context_length") expect(error.message).toContain("prompt is too long");
      return;
    }
    case "gemini":
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status: words.status });
      expect(error.message).toContain(words.google);
      if (failure.kind === "context_length") expect(error.message).toMatch(/input token count.*exceeds/);
      if (retryAfterMs) expect(error.message).toContain(`"retryDelay":"${retryAfterMs / 1000}s"`);
  }
}

function decodeFailure(upstream: ProtocolName, refusal: Omit<Refusal, "kind">): Failure {
  return rooms[upstream].upstream.decodeFailure({
    status: refusal.status,
    headers: new Headers(refusal.headers),
    text: typeof refusal.body === "string" ? refusal.body : JSON.stringify(refusal.body),
    nowMs: 1_790_000_000_000,
  });
}

describe.each(apis)("an upstream of %s", (upstream) => {
  describe.each(apis)("to a client of %s", (client) => {
    test.each(refusals[upstream].map((refusal) => [refusal.status, refusal.kind, refusal] as const))(
      "%i is %s",
      async (_, kind, refusal) => {
        const failure = decodeFailure(upstream, refusal);
        expect(failure.kind).toBe(kind);
        expect(failure.detail.retryAfterMs).toBe(refusal.retryAfterMs);
        await expectToldWell(client, failure);
      },
    );

    const recorded = readRecordings(upstream).filter(({ response }) => response.status >= 400);
    test.each(recorded.map((recording) => [recording.id, recording] as const))(
      "the recorded refusal %s is told in its words",
      async (_, { response }) => {
        const body = response.body ?? response.sse ?? response.raw ?? "";
        await expectToldWell(client, decodeFailure(upstream, { ...response, body }));
      },
    );

    test("in mid-stream every kind makes the SDK's stream raise", () => {
      for (const { kind, ...refusal } of refusals[upstream]) {
        const text = rooms[client].client.encodeStreamFailure(decodeFailure(upstream, refusal), "request1");
        expect(`${kind}: ${text}`).toContain("error");
        expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed|finishReason/);
      }
    });
  });
});
