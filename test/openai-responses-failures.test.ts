/** Failures of the Responses API both ways; the official SDK raises its own class for each. */
import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { Failure, failureKinds, type FailureKind } from "#model/failure.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import { sdk } from "./openai-responses-fixture.ts";

type ErrorClass = abstract new (...rest: never[]) => Error;

function classOf(status: number): ErrorClass {
  switch (status) {
    case 400:
      return OpenAI.BadRequestError;
    case 401:
      return OpenAI.AuthenticationError;
    case 403:
      return OpenAI.PermissionDeniedError;
    case 404:
      return OpenAI.NotFoundError;
    case 429:
      return OpenAI.RateLimitError;
    default:
      return status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError;
  }
}

async function raised(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was raised");
}

describe("towards clients", () => {
  for (const kind of failureKinds) {
    test(`${kind} is raised by the SDK as its own class, and says whose fault it is`, async () => {
      const failure = new Failure(kind, "What happened.", { param: "input", retryAfterMs: 1500 });
      const { status, headers, body } = openaiResponses.client.encodeFailure(failure, "req_1");
      expect(headers).toMatchObject({
        "retry-after": "2",
        "retry-after-ms": "1500",
        "x-request-id": "req_1",
      });
      const client = sdk(JSON.stringify(body), { status, type: "application/json" });
      const error = await raised(client.responses.create({ model: "m", input: "x" }));
      expect(error).toBeInstanceOf(classOf(status));
      expect(error).toMatchObject({
        status,
        param: "input",
        error: { message: "What happened.", blame: failure.blame },
      });
      const types =
        failure.blame === "client"
          ? /invalid_request|insufficient_quota|permission|rate_limit/
          : /server_error|rate_limit/;
      expect(error instanceof OpenAI.APIError ? error.type : "").toMatch(types);
    });

    test(`${kind} in a stream is raised by the SDK`, async () => {
      const text = openaiResponses.client.encodeStreamFailure(new Failure(kind, "What happened."), "req_1");
      const error = await raised(sdk(text).responses.stream({ model: "m", input: "x" }).finalResponse());
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ error: { message: "What happened." } });
    });
  }

  test("a caller's code is more precise than the kind's, an upstream's is not shown", () => {
    const write = (kind: FailureKind) =>
      openaiResponses.client.encodeFailure(new Failure(kind, "m", { code: "very_special" }), "r").body;
    expect(write("bad_request")).toMatchObject({ error: { code: "very_special" } });
    expect(write("upstream_failed")).toMatchObject({ error: { code: "upstream_error" } });
  });
});

describe("from upstreams", () => {
  const openai = (type: string, code: string | null, message = "m") =>
    JSON.stringify({ error: { message, type, param: null, code } });
  const openrouter = (code: number, metadata: object) =>
    JSON.stringify({ error: { code, message: "Provider returned error", metadata } });
  const rows: readonly (readonly [status: number, text: string, kind: FailureKind])[] = [
    [400, openai("invalid_request_error", "context_length_exceeded"), "context_length"],
    [
      400,
      openai("invalid_request_error", null, "This model's maximum context length is 8192 tokens."),
      "context_length",
    ],
    [400, openai("invalid_request_error", "content_policy_violation"), "content_policy"],
    [400, openai("invalid_request_error", "unsupported_value"), "bad_request"],
    [400, openai("invalid_request_error", null), "bad_request"],
    [
      400,
      JSON.stringify({ code: "invalid-argument", error: "Incorrect API key provided." }),
      "upstream_refused",
    ],
    [401, openai("invalid_request_error", "invalid_api_key"), "upstream_refused"],
    [402, openrouter(402, {}), "upstream_refused"],
    [402, openrouter(402, { limit_source: "openrouter_in_flight_budget" }), "upstream_rate_limited"],
    [403, openai("permission_error", null), "upstream_refused"],
    [403, openrouter(403, { flagged_input: "x", reasons: ["y"] }), "content_policy"],
    [404, openai("invalid_request_error", "model_not_found"), "upstream_not_found"],
    [404, "<html>not here</html>", "upstream_not_found"],
    [404, openai("invalid_request_error", "previous_response_not_found"), "bad_request"],
    [408, "", "timeout"],
    [413, openai("invalid_request_error", null), "too_large"],
    [429, openai("insufficient_quota", "insufficient_quota"), "upstream_refused"],
    [429, openai("requests", "rate_limit_exceeded"), "upstream_rate_limited"],
    [429, "", "upstream_rate_limited"],
    [500, openai("server_error", null), "upstream_failed"],
    [502, "<html>Bad gateway</html>", "upstream_failed"],
    [503, openai("service_unavailable_error", "server_is_overloaded"), "upstream_overloaded"],
    [504, "", "timeout"],
    [529, "", "upstream_overloaded"],
  ];
  for (const [status, text, kind] of rows) {
    test(`${status} ${text.slice(0, 90)} is ${kind}`, () => {
      const failure = openaiResponses.upstream.decodeFailure({
        status,
        headers: new Headers(),
        text,
        nowMs: 0,
      });
      expect(failure.kind).toBe(kind);
      expect(failure.detail.upstreamStatus).toBe(status);
      expect(failure.message).not.toBe("");
    });
  }

  test("the caller reads the provider's words about the request, without the operator's secrets", () => {
    const message =
      "Unknown parameter for key sk-proj-abc123456 of org-ABCDEF123:\nBearer eyJhbGciOiJIUzI1NiJ9.abcdef";
    const text = JSON.stringify({
      error: { message, type: "invalid_request_error", param: "x", code: "unknown_parameter" },
    });
    const failure = openaiResponses.upstream.decodeFailure({
      status: 400,
      headers: new Headers(),
      text,
      nowMs: 0,
    });
    expect(failure.message).toBe("Unknown parameter for key [redacted] of [redacted]: [redacted]");
    expect(failure.detail).toMatchObject({ param: "x", code: "unknown_parameter" });
    const refused = openaiResponses.upstream.decodeFailure({
      status: 401,
      headers: new Headers(),
      text,
      nowMs: 0,
    });
    expect(refused.message).not.toContain("parameter");
  });

  test("a wait is read from whichever header tells it", () => {
    const rows: readonly (readonly [headers: Record<string, string>, waitMs: number | undefined])[] = [
      [{ "retry-after": "2" }, 2000],
      [{ "retry-after-ms": "150", "retry-after": "9" }, 150],
      [{ "retry-after": "Thu, 01 Jan 1970 00:00:10 GMT" }, 9000],
      [{ "x-ratelimit-reset-requests": "1m2s", "x-ratelimit-remaining-requests": "0" }, 62_000],
      [{ "x-ratelimit-reset-requests": "1m2s", "x-ratelimit-remaining-requests": "7" }, undefined],
      [{ "retry-after": "soon" }, undefined],
    ];
    for (const [headers, waitMs] of rows) {
      const answer = { status: 429, headers: new Headers(headers), text: "", nowMs: 1000 };
      expect(openaiResponses.upstream.decodeFailure(answer).detail.retryAfterMs).toBe(waitMs);
    }
  });
});
