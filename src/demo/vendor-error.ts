/**
 * Errors of the simulated provider, one table for all vendors, each written in the envelope its own SDK expects.
 * Throw a `VendorError` anywhere while answering; the server writes it for the API in use.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Api, House } from "./conversation.ts";

export type VendorErrorKind = keyof typeof ERRORS;

interface VendorErrorDetail {
  readonly param?: string;
  /** OpenAI's `code`, where it is finer than the kind. */
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Google's RetryInfo. */
  readonly retryDelay?: string;
}

export class VendorError extends Error {
  readonly kind: VendorErrorKind;
  readonly detail: VendorErrorDetail;

  constructor(kind: VendorErrorKind, message: string, detail: VendorErrorDetail = {}) {
    super(message);
    this.kind = kind;
    this.detail = detail;
  }
}

/** kind: HTTP status, OpenAI type, OpenAI code, Anthropic type, Google status, OpenRouter error_type. */
const ERRORS = {
  invalid: [
    400,
    "invalid_request_error",
    null,
    "invalid_request_error",
    "INVALID_ARGUMENT",
    "invalid_request",
  ],
  context: [
    400,
    "invalid_request_error",
    "context_length_exceeded",
    "invalid_request_error",
    "INVALID_ARGUMENT",
    "context_length_exceeded",
  ],
  unauthenticated: [
    401,
    "invalid_request_error",
    "invalid_api_key",
    "authentication_error",
    "UNAUTHENTICATED",
    "authentication",
  ],
  payment: [
    402,
    "insufficient_quota",
    "insufficient_quota",
    "billing_error",
    "FAILED_PRECONDITION",
    "payment_required",
  ],
  forbidden: [403, "permission_error", null, "permission_error", "PERMISSION_DENIED", "permission_denied"],
  notFound: [404, "invalid_request_error", "model_not_found", "not_found_error", "NOT_FOUND", "not_found"],
  method: [405, "invalid_request_error", null, "invalid_request_error", "UNIMPLEMENTED", "invalid_request"],
  tooLarge: [
    413,
    "invalid_request_error",
    null,
    "request_too_large",
    "INVALID_ARGUMENT",
    "payload_too_large",
  ],
  rateLimited: [
    429,
    "requests",
    "rate_limit_exceeded",
    "rate_limit_error",
    "RESOURCE_EXHAUSTED",
    "rate_limit_exceeded",
  ],
  quota: [
    429,
    "insufficient_quota",
    "insufficient_quota",
    "rate_limit_error",
    "RESOURCE_EXHAUSTED",
    "rate_limit_exceeded",
  ],
  broken: [500, "server_error", null, "api_error", "INTERNAL", "server"],
  badGateway: [502, "server_error", null, "api_error", "UNKNOWN", "provider_unavailable"],
  unavailable: [
    503,
    "server_error",
    "server_is_overloaded",
    "overloaded_error",
    "UNAVAILABLE",
    "provider_overloaded",
  ],
  overloaded: [
    529,
    "server_error",
    "server_is_overloaded",
    "overloaded_error",
    "UNAVAILABLE",
    "provider_overloaded",
  ],
} as const;

export function statusOf(error: VendorError, house: House): number {
  // AI Studio answers a bad key with 400 and says so only in the details.
  if (error.kind === "unauthenticated" && house === "gemini") return 400;
  return ERRORS[error.kind][0];
}

export function writeError(error: VendorError, api: Api, house: House): JsonObject {
  if (house === "openrouter") return writeOpenRouterError(error);
  switch (api) {
    case "chat":
    case "responses":
      return { error: writeOpenAiError(error) };
    case "anthropic":
      return writeAnthropicError(error, house);
    case "gemini":
      return writeGoogleError(error, house);
  }
}

/** The inside of OpenAI's envelope. */
export function writeOpenAiError(error: VendorError): JsonObject {
  const [, type, code] = ERRORS[error.kind];
  return { message: error.message, type, param: error.detail.param ?? null, code: error.detail.code ?? code };
}

function writeAnthropicError(error: VendorError, house: House): JsonObject {
  const own = house === "clewdr" ? CLEWDR_ERRORS[error.kind] : undefined;
  if (own) return { error: own };
  const type = ERRORS[error.kind][3];
  return { type: "error", error: { type, message: error.message }, request_id: "req_demo" };
}

/** Clewdr's own failures have no `type: "error"` around them; all others are Anthropic's, passed on. */
const CLEWDR_ERRORS: Partial<Record<VendorErrorKind, JsonObject>> = {
  unauthenticated: { message: "Key/Password Invalid", type: "invalid_auth", code: 401 },
  broken: { message: "No cookie available", type: "no_cookie_available", code: 500 },
};

function writeGoogleError(error: VendorError, house: House): JsonObject {
  const isBadKey = error.kind === "unauthenticated" && house === "gemini";
  const details = [
    ...(isBadKey
      ? [{ "@type": `${GOOGLE_TYPES}ErrorInfo`, reason: "API_KEY_INVALID", domain: "googleapis.com" }]
      : []),
    ...(error.detail.retryDelay !== undefined
      ? [{ "@type": `${GOOGLE_TYPES}RetryInfo`, retryDelay: error.detail.retryDelay }]
      : []),
  ];
  return {
    error: {
      code: statusOf(error, house),
      message: error.message,
      status: isBadKey ? "INVALID_ARGUMENT" : ERRORS[error.kind][4],
      ...(details.length > 0 && { details }),
    },
  };
}

const GOOGLE_TYPES = "type.googleapis.com/google.rpc.";

function writeOpenRouterError(error: VendorError): JsonObject {
  const [status, , , , , errorType] = ERRORS[error.kind];
  return {
    error: {
      code: status,
      message: error.message,
      metadata: { error_type: errorType, provider_name: "Demo" },
    },
    user_id: "user_demo",
  };
}
