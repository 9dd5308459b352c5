/** Failures both ways: what an upstream means, and what the official SDK makes of what we say. */
import { describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import type { JsonObject } from "#lib/json.ts";
import { Failure, failureKinds, type FailureKind } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { encodeStream } from "./fixture.ts";

const { client, upstream } = anthropicMessages;
const NOW_MS = Date.UTC(2026, 10, 22);

function decode(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Failure {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return upstream.decodeFailure({
    status,
    headers: { get: (name) => headers[name] ?? null },
    text,
    nowMs: NOW_MS,
  });
}

function anthropicError(type: string, message = "m"): JsonObject {
  return { type: "error", error: { type, message }, request_id: "req_up" };
}

describe("an upstream's failure", () => {
  const rows: readonly (readonly [number, unknown, FailureKind])[] = [
    [400, anthropicError("invalid_request_error", "messages.0: bad"), "bad_request"],
    [
      400,
      anthropicError("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
      "context_length",
    ],
    [400, anthropicError("invalid_request_error", "Your credit balance is too low"), "upstream_refused"],
    [
      400,
      anthropicError("invalid_request_error", "You have reached your specified API usage limits."),
      "upstream_refused",
    ],
    [
      400,
      anthropicError("invalid_request_error", "Output blocked by content filtering policy"),
      "content_policy",
    ],
    [401, anthropicError("authentication_error"), "upstream_refused"],
    [402, anthropicError("billing_error"), "upstream_refused"],
    [403, anthropicError("permission_error"), "upstream_refused"],
    [404, anthropicError("not_found_error"), "upstream_not_found"],
    [409, anthropicError("conflict_error"), "bad_request"],
    [413, anthropicError("request_too_large"), "too_large"],
    [429, anthropicError("rate_limit_error"), "upstream_rate_limited"],
    [500, anthropicError("api_error"), "upstream_failed"],
    [504, anthropicError("timeout_error"), "timeout"],
    [529, anthropicError("overloaded_error"), "upstream_overloaded"],
    // Clewdr's own.
    [
      401,
      { error: { message: "Key/Password Invalid", type: "invalid_auth", code: 401 } },
      "upstream_refused",
    ],
    [400, { error: { message: "m", type: "invalid_cookie" } }, "upstream_refused"],
    [500, { error: { message: "m", type: "no_cookie_available" } }, "upstream_rate_limited"],
    [504, { error: { message: { a: 1 }, type: "too_many_retries" } }, "upstream_rate_limited"],
    [422, { error: { message: "m", type: "json_rejection" } }, "bad_request"],
    [500, { error: { message: "m", type: "wreq_error" } }, "upstream_failed"],
    [500, { error: { message: "m", type: "never_seen" } }, "upstream_failed"],
    [204, "", "upstream_empty"],
    [302, { error: { message: "Blocked, check your IP address", type: "error" } }, "upstream_refused"],
    [429, { error: { message: "m", type: "error_get_error_body" } }, "upstream_rate_limited"],
    // Google's, in front of Claude on Vertex.
    [429, { error: { code: 429, message: "Quota", status: "RESOURCE_EXHAUSTED" } }, "upstream_rate_limited"],
    [403, [{ error: { code: 403, message: "m", status: "PERMISSION_DENIED" } }], "upstream_refused"],
    [404, { error: { code: 404, message: "m", status: "NOT_FOUND" } }, "upstream_not_found"],
    [503, { error: { code: 503, message: "m", status: "UNAVAILABLE" } }, "upstream_overloaded"],
    // OpenRouter's.
    [402, { error: { code: 402, message: "Insufficient credits" } }, "upstream_refused"],
    // None.
    [401, "<html>wrong path</html>", "upstream_refused"],
    [500, "", "upstream_failed"],
    [502, "<html>", "upstream_failed"],
    [503, "null", "upstream_overloaded"],
    [520, "[]", "upstream_failed"],
    [408, "", "timeout"],
  ];
  for (const [status, body, kind] of rows) {
    test(`${status} ${JSON.stringify(body).slice(0, 90)} is ${kind}`, () => {
      const failure = decode(status, body);
      expect(failure.kind).toBe(kind);
      expect(failure.detail.upstreamStatus).toBe(status);
    });
  }

  test("only what is about the caller's request is repeated, and never a secret", () => {
    const secret = "sk-ant-REDACTED";
    const told = decode(
      400,
      anthropicError("invalid_request_error", `bad field, key ${secret}, a@b.example`),
    );
    expect(told.message).toStartWith("bad field");
    expect(told.message).not.toContain(secret);
    expect(told.message).not.toContain("a@b.example");
    for (const status of [401, 403, 429, 500, 529]) {
      expect(decode(status, { error: { message: `inside ${secret}` } }).message).not.toContain("inside");
    }
  });

  test("the upstream's request id and error code are kept", () => {
    const body = {
      type: "error",
      error: { type: "invalid_request_error", message: "m", details: { error_code: "c" } },
    };
    expect(decode(400, body, { "request-id": "req_h" }).detail).toMatchObject({
      upstreamRequestId: "req_h",
      code: "c",
    });
    expect(decode(400, anthropicError("api_error")).detail.upstreamRequestId).toBe("req_up");
  });

  const waits: readonly (readonly [string, Readonly<Record<string, string>>, number | undefined])[] = [
    ["seconds", { "retry-after": "7" }, 7000],
    ["milliseconds first", { "retry-after": "7", "retry-after-ms": "250" }, 250],
    ["a date", { "retry-after": new Date(NOW_MS + 9000).toUTCString() }, 9000],
    ["a date gone by", { "retry-after": new Date(NOW_MS - 9000).toUTCString() }, 0],
    [
      "the reset of what is used up, not of what is left",
      {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": new Date(NOW_MS + 3000).toISOString(),
        "anthropic-ratelimit-tokens-remaining": "5",
        "anthropic-ratelimit-tokens-reset": new Date(NOW_MS + 60_000).toISOString(),
      },
      3000,
    ],
    ["nothing", {}, undefined],
    ["what no clock can mean", { "retry-after": "99999999999" }, 86_400_000],
    ["nonsense", { "retry-after": "soon" }, undefined],
  ];
  for (const [name, headers, expected] of waits) {
    test(`retry after ${name}`, () => {
      expect(decode(429, anthropicError("rate_limit_error"), headers).detail.retryAfterMs).toBe(expected);
    });
  }

  test("an exhausted subscription is left alone for minutes", () => {
    const wait = decode(500, { error: { type: "no_cookie_available", message: "m" } }).detail.retryAfterMs;
    expect(wait).toBeGreaterThanOrEqual(60_000);
  });
});

describe("our failure to a client", () => {
  const statuses: Readonly<Record<FailureKind, readonly [number, string, string]>> = {
    bad_request: [400, "invalid_request_error", "BadRequestError"],
    unsupported: [400, "invalid_request_error", "BadRequestError"],
    context_length: [400, "invalid_request_error", "BadRequestError"],
    content_policy: [400, "invalid_request_error", "BadRequestError"],
    unauthenticated: [401, "authentication_error", "AuthenticationError"],
    over_budget: [402, "billing_error", "PaymentRequiredError"],
    price_unknown: [402, "billing_error", "PaymentRequiredError"],
    forbidden: [403, "permission_error", "PermissionDeniedError"],
    not_found: [404, "not_found_error", "NotFoundError"],
    method_not_allowed: [405, "invalid_request_error", "APIError"],
    too_large: [413, "request_too_large", "ContentTooLargeError"],
    rate_limited: [429, "rate_limit_error", "RateLimitError"],
    cancelled: [499, "api_error", "ClientClosedRequestError"],
    upstream_rate_limited: [429, "rate_limit_error", "RateLimitError"],
    upstream_refused: [502, "api_error", "InternalServerError"],
    upstream_not_found: [502, "api_error", "InternalServerError"],
    upstream_failed: [502, "api_error", "InternalServerError"],
    upstream_overloaded: [529, "overloaded_error", "OverloadedError"],
    upstream_broken: [502, "api_error", "InternalServerError"],
    upstream_empty: [502, "api_error", "InternalServerError"],
    timeout: [504, "timeout_error", "GatewayTimeoutError"],
    no_target: [503, "api_error", "ServiceUnavailableError"],
    unavailable: [503, "api_error", "ServiceUnavailableError"],
    internal: [500, "api_error", "InternalServerError"],
  };

  for (const kind of failureKinds) {
    test(`${kind} is raised by the SDK as its own class`, async () => {
      const [status, type, className] = statuses[kind];
      const encoded = client.encodeFailure(new Failure(kind, "What to do."), "req_1");
      expect(encoded.status).toBe(status);
      const response = () => new Response(JSON.stringify(encoded.body), { status, headers: encoded.headers });
      const error = await raised(response);
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(Object(error).constructor.name).toBe(className);
      expect(error).toMatchObject({ status, requestID: "req_1", type });
      expect(encoded.body).toMatchObject({
        type: "error",
        error: { type, message: expect.stringContaining("What to do."), blame: new Failure(kind, "").blame },
        request_id: "req_1",
      });
    });

    test(`${kind} in a stream is raised by the SDK`, async () => {
      const [, type] = statuses[kind];
      const failure = new Failure(kind, "What to do.");
      const stream = encodeStream([{ type: "start" }]) + client.encodeStreamFailure(failure, "req_1");
      const error = await raised(
        () => new Response(stream, { headers: { "content-type": "text/event-stream" } }),
      );
      expect(error).toMatchObject({ type });
    });
  }

  async function raised(answer: () => Response): Promise<unknown> {
    const sdk = new Anthropic({ apiKey: "k", maxRetries: 0, fetch: () => Promise.resolve(answer()) });
    const asked = { model: "m", max_tokens: 1, messages: [{ role: "user" as const, content: "x" }] };
    try {
      await sdk.messages.stream(asked).finalMessage();
    } catch (error) {
      return error;
    }
    throw new Error("the SDK raised nothing");
  }

  test("names field and code, and says when to come back", () => {
    const detail = { param: "messages[0].content", code: "c", retryAfterMs: 1500 };
    const encoded = client.encodeFailure(new Failure("rate_limited", "m", detail), "r");
    expect(encoded.headers).toMatchObject({ "retry-after": "2", "retry-after-ms": "1500" });
    expect(encoded.body["error"]).toMatchObject({
      param: "messages[0].content",
      details: { error_code: "c" },
    });
    expect(client.encodeFailure(new Failure("bad_request", "m"), "r").headers["x-should-retry"]).toBe(
      "false",
    );
    expect(
      client.encodeFailure(new Failure("upstream_failed", "m"), "r").headers["x-should-retry"],
    ).toBeUndefined();
  });

  test("an overlong prompt is told in the words clients look for", () => {
    const encoded = client.encodeFailure(new Failure("context_length", "250000 tokens"), "r");
    expect(encoded.body["error"]).toMatchObject({ message: "prompt is too long: 250000 tokens" });
  });
});
