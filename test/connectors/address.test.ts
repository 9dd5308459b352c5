/** Where each connector sends what, and with which credential. */
import { describe, expect, test } from "bun:test";
import type { Operation } from "#connectors/connector.ts";
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { addressOf, callOf, openConnector } from "./open-connector.ts";

type Row = readonly [
  fields: string,
  model: string,
  protocol: ProtocolName | undefined,
  operation: Operation,
  url: string,
];

const vertex = "type: vertex, api_key: KEY, project: my-proj, region: us-central1";
const regional = "https://us-central1-aiplatform.googleapis.com/v1/projects/my-proj/locations/us-central1";

const rows: readonly Row[] = [
  ["type: openai, api_key: KEY", "gpt-4o", undefined, "whole", "https://api.openai.com/v1/chat/completions"],
  ["type: openai, api_key: KEY", "gpt-5", undefined, "stream", "https://api.openai.com/v1/responses"],
  [
    "type: openai, api_key: KEY",
    "o3",
    undefined,
    "count",
    "https://api.openai.com/v1/responses/input_tokens",
  ],
  [
    "type: openai, api_key: KEY",
    "gpt-5",
    "openai-chat",
    "whole",
    "https://api.openai.com/v1/chat/completions",
  ],
  [
    "type: openai, api_key: KEY, base_url: 'http://h:1/v1/'",
    "gpt-4o",
    undefined,
    "whole",
    "http://h:1/v1/chat/completions",
  ],
  ["type: anthropic, api_key: KEY", "claude-x", undefined, "stream", "https://api.anthropic.com/v1/messages"],
  [
    "type: anthropic, api_key: KEY",
    "claude-x",
    undefined,
    "count",
    "https://api.anthropic.com/v1/messages/count_tokens",
  ],
  [
    "type: anthropic, api_key: KEY, base_url: 'http://h/v1'",
    "claude-x",
    undefined,
    "whole",
    "http://h/v1/messages",
  ],
  [
    "type: gemini, api_key: KEY",
    "gemini-2.5-pro",
    undefined,
    "whole",
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent",
  ],
  [
    "type: gemini, api_key: KEY",
    "models/gemini-2.5-pro",
    undefined,
    "stream",
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
  ],
  [
    "type: gemini, api_key: KEY",
    "tunedModels/mine",
    undefined,
    "count",
    "https://generativelanguage.googleapis.com/v1beta/tunedModels/mine:countTokens",
  ],
  [
    "type: openrouter, api_key: KEY",
    "a/b:free",
    "openai-chat",
    "stream",
    "https://openrouter.ai/api/v1/chat/completions",
  ],
  [
    "type: openrouter, api_key: KEY",
    "a/b",
    "openai-responses",
    "whole",
    "https://openrouter.ai/api/v1/responses",
  ],
  [
    "type: openrouter, api_key: KEY",
    "a/b",
    "anthropic-messages",
    "whole",
    "https://openrouter.ai/api/v1/messages",
  ],
  ["type: clewdr", "claude-x", undefined, "stream", "http://127.0.0.1:8484/code/v1/messages"],
  ["type: clewdr, path_prefix: /v1", "claude-x", undefined, "whole", "http://127.0.0.1:8484/v1/messages"],
  ["type: clewdr", "claude-x", undefined, "count", "http://127.0.0.1:8484/code/v1/messages/count_tokens"],
  [
    "type: clewdr, base_url: 'http://h:1/code/v1'",
    "claude-x",
    undefined,
    "whole",
    "http://h:1/code/v1/messages",
  ],
  [
    vertex,
    "gemini-2.5-pro",
    undefined,
    "whole",
    `${regional}/publishers/google/models/gemini-2.5-pro:generateContent`,
  ],
  [
    vertex,
    "google/gemini-2.5-pro",
    undefined,
    "stream",
    `${regional}/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse`,
  ],
  [
    vertex,
    "gemini-2.5-pro",
    undefined,
    "count",
    `${regional}/publishers/google/models/gemini-2.5-pro:countTokens`,
  ],
  [
    vertex,
    "claude-sonnet-4-5@20250929",
    undefined,
    "whole",
    `${regional}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`,
  ],
  [
    vertex,
    "claude-sonnet-4-5-20250929",
    undefined,
    "stream",
    `${regional}/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict`,
  ],
  [
    vertex,
    "claude-sonnet-4.5",
    undefined,
    "stream",
    `${regional}/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict`,
  ],
  [
    vertex,
    "publishers/anthropic/models/claude-opus-4-6",
    undefined,
    "whole",
    `${regional}/publishers/anthropic/models/claude-opus-4-6:rawPredict`,
  ],
  [
    vertex,
    "claude-opus-4-6",
    undefined,
    "count",
    `${regional}/publishers/anthropic/models/count-tokens:rawPredict`,
  ],
  [vertex, "endpoints/123", undefined, "whole", `${regional}/endpoints/123:generateContent`],
  [vertex, "meta/llama-4", undefined, "stream", `${regional}/endpoints/openapi/chat/completions`],
  [
    "type: vertex, api_key: KEY, project: p",
    "gemini-x",
    undefined,
    "whole",
    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent",
  ],
  [
    "type: vertex, api_key: KEY, project: p, region: eu",
    "gemini-x",
    undefined,
    "whole",
    "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google/models/gemini-x:generateContent",
  ],
  [
    "type: vertex, api_key: KEY, project: p, region: us, api_version: v1beta1",
    "gemini-x",
    undefined,
    "whole",
    "https://aiplatform.us.rep.googleapis.com/v1beta1/projects/p/locations/us/publishers/google/models/gemini-x:generateContent",
  ],
  [
    "type: vertex, api_key: KEY",
    "gemini-x",
    undefined,
    "stream",
    "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-x:streamGenerateContent?alt=sse",
  ],
  [
    "type: vertex, api_key: KEY, project: p, model_aliases: { fast: gemini-x }",
    "fast",
    undefined,
    "whole",
    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent",
  ],
  [
    "type: vertex, api_key: KEY, project: p, region: r, base_url: 'http://h:1'",
    "gemini-x",
    undefined,
    "whole",
    "http://h:1/v1/projects/p/locations/r/publishers/google/models/gemini-x:generateContent",
  ],
  [
    "type: openai-compatible, base_url: 'http://h:1/v1'",
    "m",
    undefined,
    "whole",
    "http://h:1/v1/chat/completions",
  ],
  [
    "type: openai-compatible, base_url: 'http://h:1/v1', protocol: openai-responses",
    "m",
    undefined,
    "whole",
    "http://h:1/v1/responses",
  ],
  [
    "type: openai-compatible, base_url: 'http://h:1', protocol: anthropic-messages",
    "m",
    undefined,
    "whole",
    "http://h:1/v1/messages",
  ],
  [
    "type: openai-compatible, base_url: 'http://h:1', protocol: gemini",
    "m",
    undefined,
    "whole",
    "http://h:1/v1beta/models/m:generateContent",
  ],
  ["type: demo, base_url: 'http://h:1'", "demo", "openai-chat", "whole", "http://h:1/v1/chat/completions"],
  ["type: demo, base_url: 'http://h:1'", "demo", "openai-responses", "whole", "http://h:1/v1/responses"],
  [
    "type: demo, base_url: 'http://h:1'",
    "demo",
    "anthropic-messages",
    "count",
    "http://h:1/v1/messages/count_tokens",
  ],
  [
    "type: demo, base_url: 'http://h:1'",
    "demo",
    "gemini",
    "stream",
    "http://h:1/v1beta/models/demo:streamGenerateContent?alt=sse",
  ],
];

test.each(rows)("%s: %s by %p, %s, goes to %s", async (fields, model, protocol, operation, url) => {
  const connector = openConnector(fields);
  const asked = { model, operation, ...(protocol && { protocol }) };
  expect((await addressOf(connector, asked)).url).toBe(url);
});

describe("credentials", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [
      "type: openai, api_key: KEY, organization: o, project: p",
      { authorization: "Bearer KEY", "openai-organization": "o", "openai-project": "p" },
    ],
    ["type: anthropic, api_key: KEY", { "x-api-key": "KEY" }],
    ["type: gemini, api_key: KEY", { "x-goog-api-key": "KEY" }],
    [
      "type: vertex, api_key: KEY, quota_project: bill",
      { "x-goog-api-key": "KEY", "x-goog-user-project": "bill" },
    ],
    ["type: clewdr, api_key: KEY", { "x-api-key": "KEY", authorization: "Bearer KEY" }],
    ["type: clewdr", {}],
    [
      "type: openrouter, api_key: KEY, title: T, referer: 'https://x.test/', categories: [a, b]",
      {
        authorization: "Bearer KEY",
        "http-referer": "https://x.test",
        "x-openrouter-title": "T",
        "x-openrouter-categories": "a,b",
      },
    ],
    ["type: openai-compatible, base_url: 'http://h/v1'", {}],
    [
      "type: openai-compatible, base_url: 'http://h/v1', headers: { User-Agent: mine, x-More: m }",
      { "user-agent": "mine", "x-more": "m" },
    ],
    [
      "type: openai-compatible, base_url: 'http://h/v1', api_key: KEY, headers: { x-more: m }",
      { authorization: "Bearer KEY", "x-more": "m" },
    ],
    [
      "type: openai-compatible, base_url: 'http://h', api_key: KEY, protocol: anthropic-messages",
      { "x-api-key": "KEY", authorization: "Bearer KEY" },
    ],
    [
      "type: openai-compatible, base_url: 'http://h', api_key: KEY, protocol: gemini",
      { "x-goog-api-key": "KEY" },
    ],
    ["type: demo, base_url: 'http://h'", {}],
  ];
  test.each(cases)("%s", async (fields, headers) => {
    const { url, headers: sent } = await addressOf(openConnector(fields), { model: "gemini-x" });
    expect(sent).toEqual(headers);
    expect(url).not.toContain("KEY");
  });
});

describe("counting that an upstream does not have is said, not tried", () => {
  const cases = [
    "type: openrouter, api_key: KEY",
    "type: clewdr, path_prefix: /v1",
    "type: openai-compatible, base_url: 'http://h/v1'",
  ];
  test.each(cases)("%s", async (fields) => {
    const connector = openConnector(fields);
    const failure: unknown = await Promise.resolve()
      .then(() => connector.address(callOf(connector, { model: "m", operation: "count" })))
      .catch((error: unknown) => error);
    expect(failure instanceof Failure && failure.kind).toBe("unsupported");
  });
});

test("the built-in demo upstream is where the process says it is", async () => {
  const connector = openConnector("type: demo", { demoUrl: "http://127.0.0.1:9" });
  expect((await addressOf(connector, { model: "demo" })).url).toBe("http://127.0.0.1:9/v1/chat/completions");
});
