import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import { inputTotal, type Usage } from "#model/usage.ts";
import { decodeUsage, encodeUsage, findUsage } from "./usage.ts";

describe("counts as each server means them", () => {
  const rows: readonly (readonly [string, JsonObject, Usage])[] = [
    [
      "OpenAI: cached within the prompt",
      {
        prompt_tokens: 20,
        completion_tokens: 9,
        total_tokens: 29,
        prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 2, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 6 },
      },
      { input: 10, cacheRead: 8, cacheWrite: 2, output: 9, reasoning: 6, audioInput: 0 },
    ],
    [
      "explicit zeros stay",
      { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      { input: 0, output: 0 },
    ],
    ["absent stays absent", {}, {}],
    [
      "null is absent",
      { prompt_tokens: null, completion_tokens: 3, prompt_tokens_details: null },
      { output: 3 },
    ],
    [
      "DeepSeek",
      {
        prompt_tokens: 10,
        completion_tokens: 1,
        total_tokens: 11,
        prompt_cache_hit_tokens: 4,
        prompt_cache_miss_tokens: 6,
      },
      { input: 6, cacheRead: 4, output: 1 },
    ],
    [
      "cached beside the prompt, as Anthropic counts",
      {
        prompt_tokens: 78,
        completion_tokens: 9,
        total_tokens: 87,
        prompt_tokens_details: { cached_tokens: 158 },
      },
      { input: 78, cacheRead: 158, output: 9 },
    ],
    [
      "reasoning beside the completion, as xAI counts",
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { input: 10, output: 105, reasoning: 100 },
    ],
    ["no completion, but a total", { prompt_tokens: 10, total_tokens: 15 }, { input: 10, output: 5 }],
    [
      "OpenRouter's cost",
      { prompt_tokens: 1, completion_tokens: 1, cost: 0.00012 },
      { input: 1, output: 1, costReportedNanoUsd: 120_000 },
    ],
    [
      "OpenRouter's fee with the caller's own provider key",
      {
        prompt_tokens: 1,
        completion_tokens: 1,
        cost: 0.001,
        is_byok: true,
        cost_details: { upstream_inference_cost: 0.02 },
      },
      { input: 1, output: 1, costReportedNanoUsd: 21_000_000 },
    ],
    [
      "a free answer costs nothing, which is not unknown",
      { prompt_tokens: 1, completion_tokens: 1, cost: 0 },
      { input: 1, output: 1, costReportedNanoUsd: 0 },
    ],
    [
      "Perplexity's cost",
      { prompt_tokens: 1, completion_tokens: 1, cost: { total_cost: 0.005 } },
      { input: 1, output: 1, costReportedNanoUsd: 5_000_000 },
    ],
    [
      "hosted searches",
      { prompt_tokens: 1, completion_tokens: 1, server_tool_use_details: { web_search_requests: 2 } },
      { input: 1, output: 1, webSearches: 2 },
    ],
    ["nonsense is unknown, never negative", { prompt_tokens: -4, completion_tokens: "many", cost: -1 }, {}],
  ];
  test.each(rows)("%s", (_, wire, usage) => {
    expect(decodeUsage(wire)).toEqual(usage);
  });
});

test.each([
  [{ usage: { prompt_tokens: 1 } }, undefined],
  [{ x_groq: { usage: { prompt_tokens: 1 } } }, undefined],
  [{ usage: null }, { usage: { prompt_tokens: 1 } }],
])("usage is found in %j with choice %j", (body, choice) => {
  expect(findUsage(body, choice)).toEqual({ prompt_tokens: 1 });
});

test("what is told to clients adds up and comes back the same", () => {
  const usage: Usage = {
    input: 10,
    cacheRead: 8,
    cacheWrite: 2,
    output: 9,
    reasoning: 6,
    audioInput: 0,
    audioOutput: 0,
    predictionAccepted: 0,
    predictionRejected: 0,
  };
  const wire = encodeUsage(usage);
  expect(wire).toMatchObject({ prompt_tokens: inputTotal(usage), completion_tokens: 9, total_tokens: 29 });
  expect(decodeUsage(wire)).toEqual(usage);
});
