import { expect, test } from "bun:test";
import type { FailureKind } from "#model/failure.ts";
import { explainClewdr } from "./clewdr-failure.ts";

function explain(status: number, text: string) {
  return explainClewdr({ status, text, headers: new Headers(), nowMs: 0 });
}

function ownError(type: string): string {
  return JSON.stringify({ error: { message: { nested: "10.1.2.3 sk-secret" }, type, code: 1 } });
}

const own: readonly (readonly [number, string, FailureKind])[] = [
  [401, "invalid_auth", "upstream_refused"],
  [400, "invalid_cookie", "upstream_refused"],
  [500, "no_cookie_available", "upstream_rate_limited"],
  [504, "too_many_retries", "upstream_rate_limited"],
  [422, "json_rejection", "bad_request"],
  [400, "path_rejection", "bad_request"],
  [400, "query_rejection", "bad_request"],
  [400, "bad_request", "bad_request"],
  [500, "wreq_error", "upstream_failed"],
  [500, "some_type_of_tomorrow", "upstream_failed"],
  [204, "empty_choices", "upstream_empty"],
  [302, "error", "upstream_failed"],
];

test.each(own)("%d %s is %s", (status, type, kind) => {
  const failure = explain(status, ownError(type));
  expect(failure?.kind).toBe(kind);
  expect(failure?.detail.upstreamStatus).toBe(status);
  expect(failure?.message).not.toContain("sk-secret");
  expect(failure?.message).not.toContain("10.1.2.3");
});

test("an exhausted Clewdr is left alone for minutes, not for seconds", () => {
  expect(explain(500, ownError("no_cookie_available"))?.detail.retryAfterMs).toBeGreaterThanOrEqual(60_000);
});

test("no content at all is an empty answer", () => {
  expect(explain(204, "")?.kind).toBe("upstream_empty");
});

test("a redirect status is a failure, wherever it points", () => {
  expect(explain(302, "")?.kind).toBe("upstream_failed");
});

const anthropics: readonly (readonly [number, string])[] = [
  [400, JSON.stringify({ error: { type: "invalid_request_error", message: "max_tokens" } })],
  [429, JSON.stringify({ error: { type: "rate_limit_error", message: "slow" } })],
  [529, JSON.stringify({ type: "error", error: { type: "overloaded_error", message: "busy" } })],
  [500, JSON.stringify({ error: { type: "error_get_error_body", message: "?" } })],
  [502, "<html>Bad Gateway</html>"],
  [400, ""],
];

test.each(anthropics)("what Anthropic or a proxy said is left to the protocol: %d %s", (status, text) => {
  expect(explain(status, text)).toBeUndefined();
});
