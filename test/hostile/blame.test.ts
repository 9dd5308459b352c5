/**
 * One tenant's bad requests must not look like a fault of the target everybody shares (properties P26). Whatever a
 * caller named or wrote and the upstream refuses is the caller's; the operator's account and the model are not.
 */
import { describe, expect, test } from "bun:test";
import type { ProtocolName } from "#model/chat.ts";
import type { Failure, FailureKind } from "#model/failure.ts";
import { apis, decodeChunks, rooms } from "../matrix/rooms.ts";

function read(api: ProtocolName, status: number, body: unknown): Failure {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return rooms[api].upstream.decodeFailure({ status, headers: new Headers(), text, nowMs: 0 });
}

const anthropic = (type: string, message: string) => ({ type: "error", error: { type, message } });
const openai = (message: string, code: string | null = null, param: string | null = null) => ({
  error: { message, type: "invalid_request_error", param, code },
});
const info = (reason: string) => ({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });
const google = (code: number, status: string, message: string, details: readonly object[] = []) => ({
  error: { code, message, status, details },
});

type Row = readonly [api: ProtocolName, status: number, body: unknown];

describe("what the caller named and the upstream does not have is the caller's", () => {
  const rows: readonly Row[] = [
    ["anthropic-messages", 404, anthropic("not_found_error", "File not found: file_nope")],
    ["anthropic-messages", 404, anthropic("not_found_error", "File not found: model: x.pdf")],
    ["anthropic-messages", 404, anthropic("not_found_error", "Container not found: container_nope")],
    ["anthropic-messages", 403, anthropic("permission_error", "No access to file file_011")],
    ["gemini", 403, google(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")],
    ["gemini", 404, google(404, "NOT_FOUND", "Not found: cached content metadata for 4711.")],
    [
      "gemini",
      403,
      google(
        403,
        "PERMISSION_DENIED",
        "You do not have permission to access the File abc or it may not exist.",
      ),
    ],
    [
      "gemini",
      403,
      google(
        403,
        "PERMISSION_DENIED",
        "service-1@x.example does not have storage.objects.get access to the Google Cloud Storage object.",
      ),
    ],
    ["anthropic-messages", 404, google(404, "NOT_FOUND", "Not found: cached content metadata for 4711.")],
    ["openai-chat", 404, openai("No such File object: file-nope")],
    ["openai-responses", 404, openai("No such File object: file-nope")],
    ["openai-responses", 404, openai("Files [ 'file-the-model' ] were not found.", null, "input")],
    ["openai-responses", 404, openai("Item with id 'rs_1' not found.", null, "input")],
    [
      "openai-responses",
      404,
      openai("Previous response with id 'resp_1' not found.", "previous_response_not_found"),
    ],
    ["openai-responses", 404, openai("Conversation with id 'conv_1' not found.")],
    ["openai-responses", 404, openai("Vector store with id 'vs_1' not found.")],
    ["openai-responses", 404, openai("Container with id 'cntr_1' not found.")],
    ["openai-responses", 403, openai("You have no access to file 'file-1'.")],
  ];
  test.each(rows)("%s %i %j", (api, status, body) => {
    const failure = read(api, status, body);
    expect(failure.kind).toBe("bad_request");
    expect(failure.blame).toBe("client");
    expect(failure.detail.isUpstreamText).toBe(true);
    expect(failure.message).toMatch(/found|access|No such File/);
  });
});

describe("the model and the account stay the operator's", () => {
  const rows: readonly (readonly [...Row, FailureKind])[] = [
    ["anthropic-messages", 404, anthropic("not_found_error", "model: claude-file"), "upstream_not_found"],
    ["anthropic-messages", 404, anthropic("not_found_error", "Not Found"), "upstream_not_found"],
    [
      "anthropic-messages",
      403,
      anthropic("permission_error", "Your key may not use this"),
      "upstream_refused",
    ],
    ["anthropic-messages", 401, anthropic("authentication_error", "invalid file"), "upstream_refused"],
    [
      "gemini",
      404,
      google(404, "NOT_FOUND", "models/my-file is not found for API version v1beta"),
      "upstream_not_found",
    ],
    [
      "gemini",
      404,
      google(404, "NOT_FOUND", "Publisher Model `projects/p/models/file` was not found"),
      "upstream_not_found",
    ],
    [
      "gemini",
      403,
      google(403, "PERMISSION_DENIED", "The API is disabled for cached content.", [info("SERVICE_DISABLED")]),
      "upstream_refused",
    ],
    [
      "gemini",
      403,
      google(
        403,
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource '//a/file'",
      ),
      "upstream_refused",
    ],
    [
      "openai-chat",
      404,
      openai("The model `file-1` does not exist.", "model_not_found"),
      "upstream_not_found",
    ],
    ["openai-chat", 404, openai("The model `file` does not exist.", null, "model"), "upstream_not_found"],
    ["openai-responses", 404, openai("The model `file-1` does not exist."), "upstream_not_found"],
    ["openai-chat", 403, openai("Your project may not use files.", "invalid_api_key"), "upstream_refused"],
    [
      "openai-responses",
      403,
      openai("Country not supported", "unsupported_country_region_territory"),
      "upstream_refused",
    ],
    ["openai-chat", 404, "<html>no such file</html>", "upstream_not_found"],
  ];
  test.each(rows)("%s %i %j is %s", (api, status, body, kind) => {
    expect(read(api, status, body).kind).toBe(kind);
  });
});

/** Words of an operator's trouble, as a caller may choose them for a field, a file or a text that is quoted back. */
const bait = [
  "invalid api key",
  "Incorrect API key provided",
  "API key not valid. Please pass a valid API key.",
  "Your credit balance is too low",
  "You have reached your specified API usage limits.",
  "billing",
  "User location is not supported",
  "Please enable billing on project 1.",
  "Insufficient credits",
];
/** How the upstreams quote a caller in a 400. */
const quotes: readonly ((text: string) => string)[] = [
  (text) => `Unrecognized request argument supplied: ${text}`,
  (text) => `${text}: Extra inputs are not permitted`,
  (text) => `messages.0.${text}: Input should be a valid string`,
  (text) => `Invalid JSON payload received. Unknown name "${text}": Cannot find field.`,
  (text) => `Invalid value: '${text}'. Supported values are: 'a'.`,
  (text) => `Tool ${text} not found in provided tools`,
];

describe.each(apis)("text a caller can put into a 400 of %s", (api) => {
  const shapes: readonly ((message: string) => unknown)[] = [
    (message) => anthropic("invalid_request_error", message),
    (message) => openai(message),
    (message) => google(400, "INVALID_ARGUMENT", message),
    (message) => ({ error: { code: 400, message, metadata: { raw: message } } }),
    (message) => ({ error: message }),
  ];
  test.each(bait)("opens no breaker: %s", (text) => {
    for (const quote of quotes) {
      for (const shape of shapes) {
        const failure = read(api, 400, shape(quote(text)));
        expect(failure.blame, `${failure.kind}: ${JSON.stringify(shape(quote(text)))}`).toBe("client");
      }
    }
  });
});

describe("an operator's trouble said with a 400 in so many words is still the operator's", () => {
  const sentences = [
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    "Your credit balance is too low to access the Claude API. Please go to Plans & Billing to upgrade or purchase credits.",
    "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
    "This organization has been disabled.",
    "API key not valid. Please pass a valid API key.",
    "API key expired. Please renew the API key.",
    "Incorrect API key provided. You can obtain an API key from https://console.x.ai.",
    "Incorrect API key provided: xa***ng. You can obtain an API key from https://console.x.ai.",
    "User location is not supported for the API use.",
    "Invalid API key",
    "Insufficient balance",
  ];
  for (const api of apis) {
    test.each(sentences)(`${api}: %s`, (message) => {
      for (const body of [
        openai(message),
        google(400, "INVALID_ARGUMENT", message),
        anthropic("invalid_request_error", message),
      ]) {
        const failure = read(api, 400, body);
        expect(failure.kind).toBe("upstream_refused");
        expect(failure.message).not.toContain(message);
        expect(failure.detail.isUpstreamText).toBeUndefined();
      }
    });
  }
});

test.each([
  "No endpoints found that support image input",
  "No endpoints found that support tool use. To learn more, see the docs.",
  "No endpoints found that can handle the requested parameters.",
])("OpenRouter's 404 for what a model cannot do is about the request: %s", (message) => {
  const failure = read("openai-chat", 404, { error: { code: 404, message } });
  expect(failure.kind).toBe("unsupported");
  expect(failure.retry).toBe("next");
});

test.each([
  "No endpoints found for some/model.",
  "No endpoints found matching your data policy (Free model publication).",
])("OpenRouter's 404 for a route is the operator's: %s", (message) => {
  expect(read("openai-chat", 404, { error: { code: 404, message } }).kind).toBe("upstream_not_found");
});

describe("a message that repeats the upstream says so", () => {
  const CANARY = "what the caller wrote";
  const rows: readonly Row[] = [
    ["anthropic-messages", 400, anthropic("invalid_request_error", CANARY)],
    ["anthropic-messages", 413, anthropic("request_too_large", CANARY)],
    ["gemini", 400, google(400, "INVALID_ARGUMENT", CANARY)],
    ["gemini", 501, google(501, "UNIMPLEMENTED", CANARY)],
    ["openai-chat", 400, openai(CANARY)],
    ["openai-chat", 422, { detail: CANARY }],
    ["openai-responses", 400, openai(CANARY)],
    ["anthropic-messages", 500, anthropic("api_error", CANARY)],
    ["gemini", 403, google(403, "PERMISSION_DENIED", CANARY)],
    ["openai-chat", 500, openai(CANARY)],
    ["openai-responses", 429, openai(CANARY)],
    ["openai-responses", 400, ""],
  ];
  test.each(rows)("%s %i %j", (api, status, body) => {
    const { message, detail } = read(api, status, body);
    expect(detail.isUpstreamText ?? false).toBe(message.includes(CANARY));
  });

  const streams: readonly (readonly [ProtocolName, string, object])[] = [
    ["anthropic-messages", "error", anthropic("invalid_request_error", CANARY)],
    ["gemini", "", google(400, "INVALID_ARGUMENT", CANARY)],
    ["openai-chat", "", openai(CANARY)],
    ["openai-responses", "error", { type: "error", code: "invalid_prompt", message: CANARY, param: null }],
  ];
  test.each(streams)("in a stream of %s", (api, event, data) => {
    const head = event === "" ? "" : `event: ${event}\n`;
    const events = decodeChunks(api, [new TextEncoder().encode(`${head}data: ${JSON.stringify(data)}\n\n`)]);
    const last = events.at(-1);
    if (last?.type !== "error") throw new Error("no error");
    expect(last.failure.message).toContain(CANARY);
    expect(last.failure.detail.isUpstreamText).toBe(true);
  });

  test.each(apis)("a code of %s is a word, never a sentence of the caller's", (api) => {
    const failure = read(api, 400, {
      type: "error",
      error: { type: "invalid_request_error", message: "m", code: CANARY, details: { error_code: CANARY } },
    });
    expect(failure.detail.code).toBeUndefined();
  });
});
