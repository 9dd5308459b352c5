/**
 * Every stream obeys its API's grammar (properties P12), judged from its bytes by checkers that know nothing of the
 * encoders: whole answers, tool calls, reasoning, ends by length and by filter, and every way to break. Between equal
 * APIs the vendor's own bytes pass untouched, so the twelve pairs that translate are judged.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkMessagesGrammar } from "../grammar/anthropic-messages.ts";
import { checkGeminiStream } from "../grammar/gemini.ts";
import { checkOpenaiChatStream } from "../grammar/openai-chat.ts";
import { checkOpenaiResponsesStream } from "../grammar/openai-responses.ts";
import type { JsonObject } from "#lib/json.ts";
import { PARAMETERS } from "../demo/samples.ts";
import { allClientApis, callApi, type AnyClientApi } from "./call-api.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";

const good = [
  "demo",
  "demo-tools",
  "demo-reasoning",
  "demo-lorem-100",
  "demo-fault-bytes",
  "demo-fault-filter",
  "demo-fault-refusal",
  "demo-fault-slow-token-50",
];
const broken = [
  "demo-fault-cut",
  "demo-fault-eof",
  "demo-fault-stall",
  "demo-fault-error-mid",
  "demo-fault-no-finish",
];

let matrix: Matrix;
beforeAll(async () => {
  matrix = await startMatrix({
    models: [...good, ...broken],
    settings: ["timeouts_ms: { idle: 300 }", "retry: { attempts_max: 1 }", "breaker: { requests_min: 1000 }"],
  });
});
afterAll(() => matrix.stop());

/** How the stream ended. Throws where the grammar is broken. */
function judge(api: AnyClientApi, text: string): "well" | "error" {
  switch (api) {
    case "openai-chat":
      return checkOpenaiChatStream(text).some((chunk) => chunk["error"]) ? "error" : "well";
    case "openai-responses": {
      const last = checkOpenaiResponsesStream(text).at(-1)?.type;
      return last === "error" || last === "response.failed" ? "error" : "well";
    }
    case "anthropic-messages":
      return checkMessagesGrammar(text) === "error" ? "error" : "well";
    case "gemini":
      return checkGeminiStream(text).error ? "error" : "well";
  }
}

const tool = { name: "weather", description: "Weather" };
const fieldsOf: Readonly<Record<AnyClientApi, JsonObject>> = {
  "openai-chat": {
    tools: [
      { type: "function", function: { ...tool, parameters: PARAMETERS } },
      { type: "function", function: { name: "clock" } },
    ],
    stream_options: { include_usage: true },
  },
  "openai-responses": {
    tools: [
      { type: "function", ...tool, parameters: PARAMETERS, strict: false },
      { type: "function", name: "clock", parameters: null, strict: false },
    ],
    reasoning: { effort: "low", summary: "auto" },
    include: ["reasoning.encrypted_content"],
    store: false,
  },
  "anthropic-messages": {
    max_tokens: 3000,
    tools: [
      { ...tool, input_schema: PARAMETERS },
      { name: "clock", input_schema: { type: "object" } },
    ],
    thinking: { type: "enabled", budget_tokens: 1024 },
  },
  gemini: {
    tools: [{ functionDeclarations: [{ ...tool, parametersJsonSchema: PARAMETERS }, { name: "clock" }] }],
    generationConfig: { thinkingConfig: { includeThoughts: true } },
  },
};

async function stream(api: AnyClientApi, name: string): Promise<string> {
  const response = await callApi(matrix.gateway, { api, model: name, stream: true, fields: fieldsOf[api] });
  const text = await response.text();
  expect({ status: response.status, text: response.ok ? "" : text }).toEqual({ status: 200, text: "" });
  return text;
}

for (const upstream of upstreamApis) {
  describe.each(allClientApis.filter((client) => client !== upstream))(`%s client on ${upstream}`, (api) => {
    test.each(good)("%s ends well, in the grammar", async (name) => {
      const text = await stream(api, model(name, upstream));
      expect(judge(api, text)).toBe("well");
    });
    test.each(broken)("%s ends in the API's own error, in the grammar", async (name) => {
      const text = await stream(api, model(name, upstream));
      expect(judge(api, text)).toBe("error");
    });
  });
}
