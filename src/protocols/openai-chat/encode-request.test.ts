import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encode, refused, to } from "./encode-fixture.ts";

describe("fields by host", () => {
  const rows: readonly (readonly [string, Partial<Chat>, Dialect, JsonObject, readonly string[]])[] = [
    ["limit", { outputTokensMax: 9 }, to("openai", "gpt-5"), { max_completion_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("openai", "gpt-4.1"), { max_completion_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("compatible"), { max_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("compatible", "gpt-5-mini"), { max_completion_tokens: 9 }, []],
    [
      "limit",
      { outputTokensMax: 9 },
      to("openrouter", "openai/gpt-5"),
      { max_tokens: 9, usage: { include: true } },
      [],
    ],
    ["sampling", { temperature: 0.2, topP: 0.5 }, to("openai", "gpt-5"), {}, ["temperature", "top_p"]],
    ["default sampling", { temperature: 1, topP: 1 }, to("openai", "o3"), {}, []],
    ["sampling", { temperature: 0.2, topK: 5 }, to("openai", "gpt-4o"), { temperature: 0.2 }, ["top_k"]],
    ["sampling", { topK: 5, minP: 0.1 }, to("compatible"), { top_k: 5, min_p: 0.1 }, []],
    ["seed", { seed: 4 }, to("mistral"), { random_seed: 4 }, []],
    ["seed", { seed: 4 }, to("deepseek"), {}, ["seed"]],
    ["stream", { stream: true }, to("openai"), { stream: true, stream_options: { include_usage: true } }, []],
    ["stream", { stream: true }, to("mistral"), { stream: true }, []],
    ["user", { userId: "u" }, to("openai"), { safety_identifier: "u" }, []],
    ["user", { userId: "u" }, to("compatible"), { user: "u" }, []],
    ["user", { userId: "u" }, to("deepseek"), {}, ["user"]],
    ["hints", { verbosity: "low", store: true }, to("compatible"), {}, ["verbosity", "store"]],
    ["safety of another API", { safety: [{ category: "x" }] }, to("openai"), {}, ["safety_settings"]],
    [
      "effort",
      { reasoning: { effort: "max" } },
      to("openai", "gpt-5"),
      { reasoning_effort: "high" },
      ["reasoning_effort"],
    ],
    ["effort", { reasoning: { effort: "none" } }, to("openai", "gpt-5.1"), { reasoning_effort: "none" }, []],
    [
      "effort",
      { reasoning: { effort: "none" } },
      to("openai", "o3"),
      { reasoning_effort: "low" },
      ["reasoning_effort"],
    ],
    ["effort", { reasoning: { effort: "high" } }, to("openai", "gpt-4o"), {}, ["reasoning"]],
    [
      "budget",
      { reasoning: { mode: "on", budgetTokens: 9000 } },
      to("compatible"),
      { reasoning_effort: "medium" },
      [],
    ],
    [
      "budget",
      { reasoning: { mode: "on", budgetTokens: 9000 } },
      to("openrouter"),
      { reasoning: { max_tokens: 9000 }, usage: { include: true } },
      [],
    ],
    [
      "hidden",
      { reasoning: { effort: "low", visibility: "none" } },
      to("openrouter"),
      { reasoning: { effort: "low", exclude: true }, usage: { include: true } },
      [],
    ],
    ["off", { reasoning: { mode: "off" } }, to("deepseek"), { thinking: { type: "disabled" } }, []],
    [
      "effort",
      { reasoning: { effort: "medium" } },
      to("deepseek"),
      { thinking: { type: "enabled" }, reasoning_effort: "high" },
      [],
    ],
    [
      "json",
      { output: { type: "json" }, system: [{ text: "JSON please", role: "system" }] },
      to("openai"),
      { response_format: { type: "json_object" } },
      [],
    ],
    [
      "schema",
      {
        output: {
          type: "json_schema",
          schema: { type: "object", properties: {}, additionalProperties: false },
        },
      },
      to("openai"),
      {
        response_format: {
          type: "json_schema",
          json_schema: {
            name: "response",
            schema: { type: "object", properties: {}, additionalProperties: false },
            strict: true,
          },
        },
      },
      [],
    ],
    [
      "schema",
      { output: { type: "json_schema", name: "a b", schema: { type: "object", properties: { x: {} } } } },
      to("openai"),
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "a_b", schema: { type: "object", properties: { x: {} } }, strict: false },
        },
      },
      [],
    ],
    [
      "schema",
      { output: { type: "json_schema", schema: {} } },
      to("deepseek"),
      { response_format: { type: "json_object" } },
      ["response_format.json_schema"],
    ],
    [
      "own extensions",
      { protocol: "openai-chat", extensions: { provider: { order: ["a"] }, x: 1 } },
      to("openrouter"),
      { usage: { include: true }, provider: { order: ["a"] }, x: 1 },
      [],
    ],
    [
      "own extensions",
      { protocol: "openai-chat", extensions: { provider: { order: ["a"] }, x: 1 } },
      to("compatible"),
      { x: 1 },
      ["provider"],
    ],
    ["foreign extensions, listed", { extensions: { container: "c" } }, to("compatible"), {}, ["container"]],
  ];

  test.each(rows)("%s %j", (_, chat, dialect, expected, dropped) => {
    const encoded = encode(chat, dialect);
    const { model, messages: __, ...fields } = encoded.body;
    expect(model).toBe(dialect.model);
    expect(fields).toEqual(expected);
    expect(encoded.dropped).toEqual(dropped);
  });

  const refusals: readonly (readonly [Partial<Chat>, Dialect, string])[] = [
    [{ choices: 2 }, to("openrouter"), "n"],
    [{ choices: 2 }, to("deepseek"), "n"],
    [{ logprobs: {} }, to("openai", "gpt-5"), "logprobs"],
    [{ stop: ["a", "b", "c", "d", "e"] }, to("openai"), "stop"],
    [{ modalities: ["audio"] }, to("deepseek"), "modalities"],
    [
      {
        tools: [{ type: "hosted", protocol: "anthropic-messages", kind: "web_search", value: {} }],
        toolChoice: { mode: "required" },
      },
      to("openai"),
      "tools[0] (web_search)",
    ],
  ];
  test.each(refusals)("%j to %j is refused by name", (chat, dialect, param) => {
    expect(refused(chat, dialect)).toBe(param);
  });
});
