/** Which APIs each connector is spoken to in, and as whom its models are taken. */
import { describe, expect, test } from "bun:test";
import type { ProtocolName } from "#model/chat.ts";
import { callOf, openConnector } from "./open-connector.ts";

describe("dialects", () => {
  const cases: readonly (readonly [string, string, object])[] = [
    ["type: openrouter, api_key: k", "anthropic/claude-x", { vendor: "anthropic", host: "openrouter" }],
    ["type: openrouter, api_key: k", "~anthropic/claude-latest", { vendor: "anthropic" }],
    ["type: openrouter, api_key: k", "google/gemini-2.5-pro", { vendor: "google" }],
    ["type: openrouter, api_key: k", "openai/gpt-5", { vendor: "openai" }],
    ["type: openrouter, api_key: k", "deepseek/deepseek-r1", { vendor: "deepseek" }],
    ["type: openrouter, api_key: k", "mistralai/mistral-large", { vendor: "mistral" }],
    ["type: openrouter, api_key: k", "x-ai/grok-4", { vendor: "xai" }],
    ["type: openrouter, api_key: k", "openrouter/auto", { vendor: "unknown" }],
    ["type: vertex, project: p", "gemini-x", { model: "gemini-x", vendor: "google", host: "vertex" }],
    [
      "type: vertex, project: p",
      "claude-sonnet-4-5",
      { model: "claude-sonnet-4-5@20250929", vendor: "anthropic", host: "vertex" },
    ],
    [
      "type: vertex, project: p",
      "mistralai/mistral-x",
      { model: "mistralai/mistral-x", vendor: "mistral", host: "vertex" },
    ],
    ["type: clewdr", "claude-x", { vendor: "anthropic", host: "clewdr", route: "up" }],
    ["type: anthropic, api_key: k", "claude-x", { vendor: "anthropic", host: "anthropic" }],
    ["type: openai, api_key: k", "gpt-4o", { vendor: "openai", host: "openai" }],
    ["type: gemini, api_key: k", "gemini-x", { vendor: "google", host: "aistudio" }],
    [
      "type: openai-compatible, base_url: 'https://api.deepseek.com/v1'",
      "deepseek-chat",
      { vendor: "deepseek", host: "deepseek" },
    ],
    [
      "type: openai-compatible, base_url: 'https://api.mistral.ai/v1'",
      "codestral-x",
      { vendor: "mistral", host: "mistral" },
    ],
    [
      "type: openai-compatible, base_url: 'https://notmistral.ai/v1'",
      "llama",
      { vendor: "unknown", host: "compatible" },
    ],
    ["type: demo", "demo", { vendor: "openai", host: "demo" }],
  ];
  test.each(cases)("%s: %s", (fields, model, expected) => {
    const connector = openConnector(fields);
    const { target, protocol } = callOf(connector, { model });
    expect(connector.dialect(target, protocol)).toMatchObject(expected);
  });
});

describe("the APIs a model is asked in, best first", () => {
  const cases: readonly (readonly [string, string, readonly ProtocolName[]])[] = [
    ["type: openai, api_key: k", "gpt-5.1", ["openai-responses", "openai-chat"]],
    ["type: openai, api_key: k", "o4-mini", ["openai-responses", "openai-chat"]],
    ["type: openai, api_key: k", "gpt-5-chat-latest", ["openai-chat", "openai-responses"]],
    ["type: openai, api_key: k", "gpt-4o-audio-preview", ["openai-chat", "openai-responses"]],
    ["type: openai, api_key: k", "gpt-4o", ["openai-chat", "openai-responses"]],
    ["type: openrouter, api_key: k", "a/b", ["openai-chat", "anthropic-messages", "openai-responses"]],
    ["type: vertex, project: p", "gemini-x", ["gemini"]],
    ["type: vertex, project: p", "claude-x", ["anthropic-messages"]],
    ["type: vertex, project: p", "meta/llama", ["openai-chat"]],
    ["type: demo", "demo", ["openai-chat", "openai-responses", "anthropic-messages", "gemini"]],
    ["type: demo, protocol: gemini", "demo", ["gemini"]],
  ];
  test.each(cases)("%s: %s", (fields, model, protocols) => {
    const connector = openConnector(fields);
    expect(connector.protocols(callOf(connector, { model }).target)).toEqual(protocols);
  });
});
