/** The vendors' limits on single fields, each broken once. */
import { expect, test } from "bun:test";
import { createDemoUpstream } from "./demo-upstream.ts";

const demo = createDemoUpstream();
const messages = [{ role: "user", content: "hi" }];
const anthropic = { model: "demo", max_tokens: 2000, messages };
const chat = { model: "demo", messages };
const responses = { model: "demo", input: "hi" };
const gemini = { contents: [{ parts: [{ text: "hi" }] }] };
const open = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
const inner = { ...open, additionalProperties: false, properties: { a: open } };
const thinking = (budget: number) => ({ type: "enabled", budget_tokens: budget });
const anthropicTool = { name: "f", input_schema: { type: "object" } };

const CASES: readonly [string, string, object, string][] = [
  ["too hot for Anthropic", "/v1/messages", { ...anthropic, temperature: 1.5 }, "temperature"],
  [
    "a tool name with a dot",
    "/v1/messages",
    { ...anthropic, tools: [{ ...anthropicTool, name: "a.b" }] },
    "pattern",
  ],
  [
    "a choice nobody offered",
    "/v1/messages",
    { ...anthropic, tool_choice: { type: "tool", name: "g" } },
    "not found",
  ],
  ["too little to think", "/v1/messages", { ...anthropic, thinking: thinking(10) }, "1024"],
  ["more thought than answer", "/v1/messages", { ...anthropic, thinking: thinking(2000) }, "must be greater"],
  [
    "a forced call with a thinking budget",
    "/v1/messages",
    { ...anthropic, thinking: thinking(1024), tools: [anthropicTool], tool_choice: { type: "any" } },
    "forces tool use",
  ],
  [
    "a schema that is no object's",
    "/v1/messages",
    { ...anthropic, tools: [{ name: "f", input_schema: {} }] },
    "object",
  ],
  ["too many stops", "/v1/chat/completions", { ...chat, stop: ["a", "b", "c", "d", "e"] }, "array too long"],
  ["a choice without tools", "/v1/chat/completions", { ...chat, tool_choice: "auto" }, "only allowed when"],
  [
    "a tool name with a space",
    "/v1/chat/completions",
    { ...chat, tools: [{ type: "function", function: { name: "a b" } }] },
    "pattern",
  ],
  [
    "an open object in strict mode",
    "/v1/chat/completions",
    { ...chat, tools: [{ type: "function", function: { name: "f", strict: true, parameters: open } }] },
    "additionalProperties",
  ],
  [
    "an open object deep in strict mode",
    "/v1/responses",
    { ...responses, tools: [{ type: "function", name: "f", strict: true, parameters: inner }] },
    "additionalProperties",
  ],
  [
    "an optional property in strict mode",
    "/v1/responses",
    {
      ...responses,
      tools: [
        {
          type: "function",
          name: "f",
          strict: true,
          parameters: { ...open, additionalProperties: false, required: [] },
        },
      ],
    },
    "Missing 'a'",
  ],
  ["too short a limit", "/v1/responses", { ...responses, max_output_tokens: 15 }, "below minimum"],
  [
    "an unknown earlier response",
    "/v1/responses",
    { ...responses, previous_response_id: "resp_1" },
    "not found",
  ],
  [
    "level and budget at once",
    "/v1beta/models/demo:generateContent",
    { ...gemini, generationConfig: { thinkingConfig: { thinkingLevel: "LOW", thinkingBudget: 5 } } },
    "only set one",
  ],
  [
    "too many stops for Gemini",
    "/v1beta/models/demo:generateContent",
    { ...gemini, generationConfig: { stopSequences: ["a", "b", "c", "d", "e", "f"] } },
    "max number of stop sequences",
  ],
  [
    "a schema without its type of answer",
    "/v1beta/models/demo:generateContent",
    { ...gemini, generationConfig: { responseSchema: { type: "OBJECT" } } },
    "response_mime_type",
  ],
  [
    "streaming through Vertex's other door",
    "/v1/projects/p/locations/l/publishers/anthropic/models/demo:rawPredict",
    { max_tokens: 5, messages, anthropic_version: "vertex-2023-10-16", stream: true },
    "streamRawPredict",
  ],
];

test.each(CASES)("refuses %s", async (_, path, body, message) => {
  const response = await demo.fetch(
    new Request(`http://demo${path}`, { method: "POST", body: JSON.stringify(body) }),
  );
  expect([response.status, (await response.text()).includes(message)]).toEqual([400, true]);
});

const subset: readonly [string, object, string][] = [
  ["an unknown keyword", { type: "OBJECT", additionalProperties: false }, "Unknown name"],
  [
    "an unknown keyword deep inside",
    { type: "ARRAY", items: { type: "STRING", const: "a" } },
    "Unknown name",
  ],
  ["a list of types", { type: ["STRING", "NULL"] }, "Invalid value"],
  [
    "a required property that is not there",
    { type: "OBJECT", properties: {}, required: ["a"] },
    "not defined",
  ],
  ["an enumeration of numbers", { type: "INTEGER", enum: [1] }, "only allowed for STRING"],
  ["a list of nothing", { type: "ARRAY" }, "missing field"],
];

test.each(subset)("Google's schema subset refuses %s", async (_, parameters, message) => {
  const body = JSON.stringify({ ...gemini, tools: [{ functionDeclarations: [{ name: "f", parameters }] }] });
  const response = await demo.fetch(
    new Request("http://demo/v1beta/models/demo:generateContent", { method: "POST", body }),
  );
  expect([response.status, (await response.text()).includes(message)]).toEqual([400, true]);
});
