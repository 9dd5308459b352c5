import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { Failure, failureKinds, type FailureKind } from "#model/failure.ts";
import { decodeFailure } from "./decode-failure.ts";
import { encodeFailure, encodeStreamFailure } from "./encode-failure.ts";
import { scrub } from "./scrub.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");

function explain(status: number, body: unknown, headers: Record<string, string> = {}): Failure {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return decodeFailure({ status, headers: new Headers(headers), text, nowMs: NOW_MS });
}

const openai = (type: string, code: string | null, message = "m") => ({
  error: { message, type, param: null, code },
});
const openrouter = (code: number, metadata: object = {}, message = "m") => ({
  error: { code, message, metadata },
});

describe("what an upstream's failure means", () => {
  const rows: readonly (readonly [number, unknown, FailureKind])[] = [
    [400, openai("invalid_request_error", "unsupported_value"), "bad_request"],
    [400, openai("invalid_request_error", "context_length_exceeded"), "context_length"],
    [
      400,
      openai("invalid_request_error", null, "This model's maximum context length is 8192 tokens."),
      "context_length",
    ],
    [400, openai("invalid_request_error", "content_policy_violation"), "content_policy"],
    [400, openai("invalid_request_error", "content_filter"), "content_policy"],
    [401, openai("invalid_request_error", "invalid_api_key"), "upstream_refused"],
    [403, openai("invalid_request_error", "unsupported_country_region_territory"), "upstream_refused"],
    [404, openai("invalid_request_error", "model_not_found"), "upstream_not_found"],
    [413, openai("invalid_request_error", null), "too_large"],
    [422, { detail: [{ loc: ["body", "x"], msg: "extra field", type: "value_error" }] }, "bad_request"],
    [429, openai("rate_limit_error", "rate_limit_exceeded"), "upstream_rate_limited"],
    [429, openai("tokens", "rate_limit_exceeded"), "upstream_rate_limited"],
    [429, openai("insufficient_quota", "insufficient_quota"), "upstream_refused"],
    [429, openai("insufficient_quota", "credit_balance_exhausted"), "upstream_refused"],
    [500, openai("server_error", null), "upstream_failed"],
    [503, openai("server_error", "server_is_overloaded"), "upstream_overloaded"],
    [503, openai("service_unavailable_error", "slow_down"), "upstream_overloaded"],
    [400, openrouter(400, { error_type: "context_length_exceeded" }), "context_length"],
    [
      400,
      openrouter(
        400,
        { raw: '{"error":{"message":"prompt is too long: 9 tokens"}}' },
        "Provider returned error",
      ),
      "context_length",
    ],
    [401, openrouter(401), "upstream_refused"],
    [402, openrouter(402, { limit_source: "openrouter_credits" }), "upstream_refused"],
    [
      402,
      openrouter(402, { limit_source: "openrouter_in_flight_budget", reason: "in_flight_budget_exhausted" }),
      "upstream_rate_limited",
    ],
    [403, openrouter(403, { reasons: ["x"], flagged_input: "…" }), "content_policy"],
    [403, openrouter(403, {}, "Key has no permission"), "upstream_refused"],
    [404, openrouter(404, {}, "No endpoints found"), "upstream_not_found"],
    [408, openrouter(408), "timeout"],
    [429, openrouter(429, { provider_name: "x", raw: "slow" }), "upstream_rate_limited"],
    [502, openrouter(502, { error_type: "provider_unavailable" }), "upstream_overloaded"],
    [502, openrouter(502), "upstream_failed"],
    [503, openrouter(503), "upstream_overloaded"],
    [524, openrouter(524), "timeout"],
    [529, openrouter(529, { error_type: "provider_overloaded" }), "upstream_overloaded"],
    [200, openrouter(429), "upstream_rate_limited"],
    [
      400,
      { object: "error", message: "bad", type: "BadRequestError", param: null, code: 400 },
      "bad_request",
    ],
    [
      404,
      { object: "error", message: "The model `x` does not exist.", type: "NotFoundError", code: 404 },
      "upstream_not_found",
    ],
    [400, { error: "text only" }, "bad_request"],
    [401, { detail: "Invalid API Key" }, "upstream_refused"],
    [
      400,
      [
        {
          error: {
            code: 400,
            message: "API key not valid. Please pass a valid API key.",
            status: "INVALID_ARGUMENT",
          },
        },
      ],
      "upstream_refused",
    ],
    [400, [{ error: { code: 400, message: "Invalid value", status: "INVALID_ARGUMENT" } }], "bad_request"],
    [400, openai("invalid_request_error", null, "Your credit balance is too low"), "upstream_refused"],
    [402, openai("unknown_error", "invalid_request_error", "Insufficient Balance"), "upstream_refused"],
    [400, openai("invalid_request_error", "tool_use_failed"), "upstream_failed"],
    [
      422,
      {
        object: "error",
        message: { detail: [{ loc: ["body"], msg: "Extra inputs" }] },
        type: "x",
        code: null,
      },
      "bad_request",
    ],
    [502, "<html><body>Bad Gateway</body></html>", "upstream_failed"],
    [504, "", "timeout"],
    [500, "", "upstream_failed"],
    [400, "", "bad_request"],
    [418, "[1,2", "bad_request"],
    [400, "null", "bad_request"],
  ];

  test.each(rows)("%i %j is %s", (status, body, kind) => {
    expect(explain(status, body).kind).toBe(kind);
  });

  test("a caller's own mistake comes with the provider's words, param and code", () => {
    const failure = explain(400, {
      error: { message: "Invalid 'x'.", type: "invalid_request_error", param: "x", code: "invalid_value" },
    });
    expect(failure.message).toBe("Invalid 'x'.");
    expect(failure.detail).toMatchObject({ param: "x", code: "invalid_value", upstreamStatus: 400 });
  });

  test("the operator's trouble stays the operator's", () => {
    const failure = explain(
      401,
      openai("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-proj-abc123."),
    );
    expect(failure.message).not.toContain("key provided");
    expect(failure.message).toContain("operator");
  });

  test("a list of what is wrong names the places", () => {
    const detail = [{ loc: ["body", "messages", 0], msg: "field required" }];
    expect(explain(422, { detail }).message).toBe("body.messages.0: field required");
    expect(explain(422, { object: "error", message: { detail } }).message).toBe(
      "body.messages.0: field required",
    );
  });

  test("OpenRouter's inner message is told", () => {
    const raw = JSON.stringify({ error: { message: "The image is broken" } });
    expect(explain(400, openrouter(400, { raw }, "Provider returned error")).message).toBe(
      "Provider returned error: The image is broken",
    );
  });
});

describe("how long to wait", () => {
  const rows: readonly (readonly [Record<string, string>, number | undefined])[] = [
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }, 30_000],
    [{ "retry-after": "Wed, 31 Dec 2025 23:59:00 GMT" }, 0],
    [{ "retry-after-ms": "250", "retry-after": "1" }, 250],
    [{ "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "120ms" }, 360_000],
    [
      {
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-reset-tokens": "120ms",
        "x-ratelimit-remaining-tokens": "0",
      },
      120,
    ],
    [{ "x-ratelimit-reset": String(NOW_MS + 5000) }, 5000],
    [{ "x-ratelimit-reset": String(NOW_MS / 1000 + 5) }, 5000],
    [{ "x-ratelimit-reset": "12" }, 12_000],
    [{ "retry-after": "99999999999" }, 86_400_000],
    [{ "retry-after": "soon" }, undefined],
    [{}, undefined],
  ];

  test.each(rows)("%j", (headers, expected) => {
    expect(explain(429, openai("requests", null), headers).detail.retryAfterMs).toBe(expected);
  });
});

describe("when a limit starts anew, as every answer says, asks for a wait", () => {
  const resets = { "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "3m0s" };
  test.each([
    { status: 500, remaining: {}, expected: undefined },
    { status: 401, remaining: {}, expected: undefined },
    {
      status: 500,
      remaining: { "x-ratelimit-remaining-requests": "9999", "x-ratelimit-remaining-tokens": "20000" },
      expected: undefined,
    },
    { status: 503, remaining: { "x-ratelimit-remaining-tokens": "0" }, expected: 180_000 },
    { status: 429, remaining: {}, expected: 360_000 },
    { status: 429, remaining: { "x-ratelimit-remaining-requests": "9999" }, expected: 180_000 },
  ])("$expected at $status with $remaining", ({ status, remaining, expected }) => {
    const failure = explain(status, openai("x", null), { ...resets, ...remaining });
    expect(failure.detail.retryAfterMs).toBe(expected);
  });
});

describe("scrubbing", () => {
  const secrets = [
    "sk-proj-abcdefghijkl",
    "sk-or-v1-0123456789abcdef",
    "gsk_abcdefghijklmnop",
    "AIzaSyA1234567890abcdefghij",
    "org-AbCdEfGhIjKl",
    "proj_abcdefgh12345",
    "Bearer abc.def",
    "0123456789abcdef0123456789abcdef",
    "http://10.0.0.3:8000/internal",
    "someone@example.com",
    "api_key=hunter2hunter2",
  ];
  test.each(secrets)("%s never reaches a caller", (secret) => {
    const shown = scrub(`Error for ${secret} in request`);
    expect(shown).not.toContain(secret);
    expect(shown).toStartWith("Error for");
    expect(shown).toEndWith("in request");
  });

  test("length is sane and lines are one", () => {
    const shown = scrub(`a\n\tb\u0000${"x ".repeat(5000)}`);
    expect(shown.length).toBeLessThanOrEqual(500);
    expect(shown).toStartWith("a b x");
  });

  test("ordinary words stay", () => {
    const text =
      "Invalid value for 'max_tokens': the key-value pairs of organization settings, user-defined.";
    expect(scrub(text)).toBe(text);
  });
});

describe("failures towards clients", () => {
  const classes: Readonly<Record<number, unknown>> = {
    400: OpenAI.BadRequestError,
    401: OpenAI.AuthenticationError,
    403: OpenAI.PermissionDeniedError,
    404: OpenAI.NotFoundError,
    429: OpenAI.RateLimitError,
  };

  function clientFor(
    status: number,
    headers: Readonly<Record<string, string>>,
    text: string,
    calls: number[] = [],
  ): OpenAI {
    return new OpenAI({
      apiKey: "none",
      baseURL: "http://gateway.test/v1",
      maxRetries: 1,
      fetch: async () => {
        calls.push(status);
        return new Response(text, { status, headers: { ...headers, "retry-after-ms": "1" } });
      },
    });
  }
  const request = { model: "m", messages: [{ role: "user" as const, content: "?" }] };

  test.each(failureKinds.map((kind) => [kind] as const))("%s raises the SDK's own class", async (kind) => {
    const failure = new Failure(kind, "What was wrong.", { param: "messages[0]", retryAfterMs: 1500 });
    const { status, headers, body } = encodeFailure(failure, "req1");
    const calls: number[] = [];
    const client = clientFor(
      status,
      { ...headers, "content-type": "application/json" },
      JSON.stringify(body),
      calls,
    );
    const error: unknown = await client.chat.completions.create(request).catch((caught: unknown) => caught);
    const expected = classes[status] ?? (status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError);
    if (typeof expected !== "function" || !(error instanceof OpenAI.APIError))
      throw new Error("not the SDK's error");
    expect(error).toBeInstanceOf(expected);
    expect(error.status).toBe(status);
    expect(error.message).toContain("What was wrong.");
    expect(error.error).toMatchObject({ blame: failure.blame, param: "messages[0]", request_id: "req1" });
    expect(calls.length).toBe(headers["x-should-retry"] === "true" ? 2 : 1);
    expect(headers).toMatchObject({ "retry-after": "2", "retry-after-ms": "1500" });
  });

  test("an upstream's code is not the caller's", () => {
    const told = encodeFailure(new Failure("upstream_failed", "m", { code: "internal_secret" }), "r").body;
    expect(told).toMatchObject({ error: { code: "upstream_error", type: "server_error" } });
    const own = encodeFailure(new Failure("bad_request", "m", { code: "invalid_value" }), "r").body;
    expect(own).toMatchObject({ error: { code: "invalid_value", type: "invalid_request_error" } });
  });

  test("an error after the first byte raises in the SDK, and nothing looks like an end", async () => {
    const chunk = {
      id: "c",
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta: { content: "a" }, finish_reason: null }],
    };
    const tail = encodeStreamFailure(new Failure("upstream_broken", "It broke."), "req1");
    expect(tail).not.toContain("[DONE]");
    const client = clientFor(
      200,
      { "content-type": "text/event-stream" },
      `data: ${JSON.stringify(chunk)}\n\n${tail}`,
    );
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const read = async () => {
      let text = "";
      for await (const part of stream) text += part.choices[0]?.delta.content ?? "";
      return text;
    };
    expect(read()).rejects.toThrow("It broke.");
  });
});
