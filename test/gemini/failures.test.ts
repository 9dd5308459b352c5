import { afterAll, describe, expect, test } from "bun:test";
import { ApiError, GoogleGenAI } from "@google/genai";
import { Failure, failureKinds, type FailureKind } from "#model/failure.ts";
import { checkGeminiStream } from "../grammar/gemini.ts";
import { decodeFailure } from "#protocols/gemini/decode-failure.ts";
import { encodeFailure, encodeStreamFailure } from "#protocols/gemini/encode-failure.ts";
import { createStreamDecoder } from "#protocols/gemini/stream-decoder.ts";

const NOW_MS = Date.parse("2026-11-01T00:00:00Z");

function read(status: number, text: string, headers: Record<string, string> = {}): Failure {
  return decodeFailure({ status, headers: new Headers(headers), text, nowMs: NOW_MS });
}

function google(code: number, status: string, message: string, details: readonly object[] = []): string {
  return JSON.stringify({ error: { code, message, status, details } });
}

const info = (reason: string) => ({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });

describe("what an upstream's error means", () => {
  const rows: readonly [string, number, string, FailureKind][] = [
    ["a bad argument", 400, google(400, "INVALID_ARGUMENT", "Unknown name x"), "bad_request"],
    [
      "a bad key, which AI Studio answers with 400",
      400,
      google(400, "INVALID_ARGUMENT", "API key not valid.", [info("API_KEY_INVALID")]),
      "upstream_refused",
    ],
    [
      "an expired key",
      400,
      google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
      "upstream_refused",
    ],
    [
      "a location",
      400,
      google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
      "upstream_refused",
    ],
    [
      "billing",
      400,
      google(400, "FAILED_PRECONDITION", "Please enable billing on project 12."),
      "upstream_refused",
    ],
    [
      "too many tokens",
      400,
      google(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
      ),
      "context_length",
    ],
    [
      "too many bytes",
      400,
      google(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
      "too_large",
    ],
    ["no login", 401, google(401, "UNAUTHENTICATED", "x"), "upstream_refused"],
    ["no right", 403, google(403, "PERMISSION_DENIED", "x", [info("SERVICE_DISABLED")]), "upstream_refused"],
    ["no model", 404, google(404, "NOT_FOUND", "x"), "upstream_not_found"],
    ["a conflict", 409, google(409, "ABORTED", "x"), "upstream_failed"],
    ["a quota", 429, google(429, "RESOURCE_EXHAUSTED", "x"), "upstream_rate_limited"],
    ["a cancellation", 499, google(499, "CANCELLED", "x"), "upstream_failed"],
    ["a fault", 500, google(500, "INTERNAL", "x"), "upstream_failed"],
    ["a missing method", 501, google(501, "UNIMPLEMENTED", "x"), "unsupported"],
    ["an overload", 503, google(503, "UNAVAILABLE", "x"), "upstream_overloaded"],
    ["a deadline", 504, google(504, "DEADLINE_EXCEEDED", "x"), "timeout"],
    [
      "an array, as Vertex streams answer",
      429,
      `[${google(429, "RESOURCE_EXHAUSTED", "x")}]`,
      "upstream_rate_limited",
    ],
    ["HTML of a wrong path", 404, "<!DOCTYPE html><title>404</title>", "upstream_not_found"],
    ["HTML of a wrong login", 401, "<html>", "upstream_refused"],
    ["nothing", 503, "", "upstream_overloaded"],
    ["a proxy's plain words", 502, "Bad Gateway", "upstream_failed"],
    ["an error that is a string", 400, '{"error":"nope"}', "bad_request"],
    [
      "details of wrong types",
      400,
      '{"error":{"code":"x","details":{"a":1},"message":[],"status":7}}',
      "bad_request",
    ],
    [
      "a word that contradicts the status",
      500,
      google(500, "RESOURCE_EXHAUSTED", "x"),
      "upstream_rate_limited",
    ],
  ];
  for (const [name, status, text, kind] of rows) {
    test(`${name} is ${kind}`, () => {
      const failure = read(status, text);
      expect(failure.kind).toBe(kind);
      expect(failure.detail.upstreamStatus).toBe(status);
    });
  }

  const delays: readonly [string, string, Record<string, string>, number | undefined][] = [
    [
      "RetryInfo",
      google(429, "RESOURCE_EXHAUSTED", "x", [
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" },
      ]),
      {},
      34_400,
    ],
    ["the message", google(429, "RESOURCE_EXHAUSTED", "Please retry in 48.939935699s."), {}, 48_940],
    ["seconds", "", { "retry-after": "7" }, 7000],
    ["a date", "", { "retry-after": "Sun, 01 Nov 2026 00:00:30 GMT" }, 30_000],
    ["milliseconds", "", { "retry-after-ms": "150" }, 150],
    ["what no clock can mean", "", { "retry-after": "99999999999" }, 86_400_000],
    ["nothing", "", {}, undefined],
    [
      "rubbish",
      google(429, "RESOURCE_EXHAUSTED", "x", [{ "@type": "google.rpc.RetryInfo", retryDelay: "soon" }]),
      { "retry-after": "later" },
      undefined,
    ],
  ];
  for (const [name, text, headers, expected] of delays) {
    test(`when to come back is read from ${name}`, () => {
      expect(read(429, text, headers).detail.retryAfterMs).toBe(expected);
    });
  }

  test("the operator's secrets do not reach a caller", () => {
    const message =
      "Bad projects/secret-project-1/locations/x for me@corp.example with AIzaSyA1234567890abcdef and ya29.abc.def at https://internal.example/x";
    const failure = read(400, google(400, "INVALID_ARGUMENT", message));
    const said = failure.message + String(failure.cause);
    for (const secret of ["secret-project-1", "corp.example", "AIza", "ya29", "internal.example"]) {
      expect(said).not.toContain(secret);
    }
    expect(failure.message).toContain("Bad projects/");
  });

  test("a field violation names the field", () => {
    const violation = {
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: "contents[0]" }],
    };
    expect(read(400, google(400, "INVALID_ARGUMENT", "x", [violation])).detail.param).toBe("contents[0]");
  });
});

describe("an error inside a stream", () => {
  const dialect = { model: "gemini-3", vendor: "google", route: "g", host: "aistudio" } as const;
  const error = google(503, "UNAVAILABLE", "overloaded");
  const shapes: readonly [string, { readonly data: string; readonly raw: string }][] = [
    ["as data", { data: error, raw: `data: ${error}\n\n` }],
    ["as bare JSON", { data: "", raw: error }],
    ["as an array", { data: "", raw: `[${error}]` }],
  ];
  for (const [name, frame] of shapes) {
    test(`${name} ends it`, () => {
      const decoder = createStreamDecoder(dialect);
      const events = decoder.push({ event: "", ...frame });
      expect(events).toMatchObject([{ type: "error", failure: { kind: "upstream_overloaded" } }]);
      expect([...decoder.push({ event: "", ...frame }), ...decoder.end()]).toEqual([]);
    });
  }

  test("bytes that are no JSON are a broken stream", () => {
    const events = createStreamDecoder(dialect).push({ event: "", data: '{"candidates":[', raw: "" });
    expect(events).toMatchObject([{ type: "error", failure: { kind: "upstream_broken" } }]);
  });
});

describe("what a caller gets", () => {
  let answer: Response = new Response();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer });
  afterAll(() => server.stop(true));
  const sdk = new GoogleGenAI({
    apiKey: "k",
    httpOptions: { baseUrl: `http://127.0.0.1:${server.port}`, retryOptions: { attempts: 1 } },
  });

  async function raised(call: () => Promise<unknown>): Promise<unknown> {
    try {
      await call();
    } catch (error) {
      return error;
    }
    return undefined;
  }

  for (const kind of failureKinds) {
    test(`${kind} is raised by the SDK as its own error with our status`, async () => {
      const failure = new Failure(kind, "Something to do.", { retryAfterMs: 1500, param: "contents" });
      const encoded = encodeFailure(failure, "req1");
      answer = Response.json(encoded.body, { status: encoded.status, headers: encoded.headers });
      const error = await raised(() => sdk.models.generateContent({ model: "m", contents: "x" }));
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status: failure.status });
      expect(String(error)).toContain("Something to do.");
      expect(encoded.headers["retry-after"]).toBe("2");
    });

    test(`${kind} in mid-stream is raised after the text so far`, async () => {
      const failure = new Failure(kind, "Something to do.");
      const chunk = {
        candidates: [{ content: { role: "model", parts: [{ text: "so far" }] }, index: 0 }],
        modelVersion: "m",
        responseId: "r",
      };
      const text = `data: ${JSON.stringify(chunk)}\n\n${encodeStreamFailure(failure, "req1")}`;
      expect(checkGeminiStream(text).error).toMatchObject({ code: failure.status });
      answer = new Response(text, { headers: { "content-type": "text/event-stream" } });
      const seen: string[] = [];
      const error = await raised(async () => {
        for await (const part of await sdk.models.generateContentStream({ model: "m", contents: "x" })) {
          seen.push(part.text ?? "");
        }
      });
      expect(error).toBeInstanceOf(ApiError);
      expect(seen).toEqual(["so far"]);
    });
  }

  test("an overflow speaks Google's words, so that agents know it", () => {
    const { body } = encodeFailure(new Failure("context_length", "Shorten it."), "req1");
    expect(JSON.stringify(body)).toContain("input token count exceeds");
  });

  test("blame and the request id are told", () => {
    const { body } = encodeFailure(new Failure("upstream_failed", "x"), "req1");
    expect(body).toMatchObject({
      error: { status: "INTERNAL", details: [{ metadata: { blame: "upstream", requestId: "req1" } }] },
    });
  });
});
