/** One error body of each make an upstream may send, to be twisted by the tests of this folder. */
import type { JsonObject } from "#lib/json.ts";

interface UpstreamError {
  readonly status: number;
  readonly body: JsonObject;
}

export const upstreamErrors: readonly UpstreamError[] = [
  {
    status: 500,
    body: { type: "error", error: { type: "api_error", message: "m", details: { error_code: "c" } } },
  },
  { status: 400, body: { type: "error", error: { type: "invalid_request_error", message: "m" } } },
  {
    status: 400,
    body: {
      error: {
        code: 400,
        message: "m",
        status: "INVALID_ARGUMENT",
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "R", domain: "d" },
          { "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [{ field: "f" }] },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "3s" },
        ],
      },
    },
  },
  { status: 429, body: { error: { code: 429, message: "m", status: "RESOURCE_EXHAUSTED" } } },
  {
    status: 400,
    body: {
      error: { message: "m", type: "invalid_request_error", param: "messages", code: "invalid_value" },
    },
  },
  {
    status: 502,
    body: {
      error: {
        code: 502,
        message: "Provider returned error",
        metadata: {
          error_type: "provider_unavailable",
          raw: "m",
          provider_code: "p",
          limit_source: "l",
          reason: "r",
        },
      },
    },
  },
  { status: 504, body: { error: { type: "too_many_retries", message: "m", code: 504 } } },
  { status: 400, body: { code: "invalid-argument", error: "m" } },
  { status: 422, body: { detail: [{ loc: ["body", "x"], msg: "m", type: "value_error" }] } },
  { status: 404, body: { object: "error", message: "m", type: "NotFoundError", code: 404 } },
];
