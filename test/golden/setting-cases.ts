/** Settings: sampling, limits, shape of the answer, reasoning, hints. */
import type { JsonObject } from "#lib/json.ts";
import { settings, type GoldenCase } from "./golden-case.ts";

const schema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
  required: ["name", "age"],
  additionalProperties: false,
};

const generation = (generationConfig: JsonObject) => ({ generationConfig });
const gptThought = { type: "reasoning", id: "rs_1", encrypted_content: "gAAAAopaque" };

/** A finished turn with a thought, and a new question. */
const reasoned = (
  feature: string,
  thoughts: Record<"chat" | "responses" | "messages" | "gemini", JsonObject | undefined>,
) =>
  settings(feature, {
    ...(thoughts.chat && {
      chat: {
        messages: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello", ...thoughts.chat },
          { role: "user", content: "Go on" },
        ],
      },
    }),
    ...(thoughts.responses && {
      responses: {
        input: [
          { role: "user", content: "Hi" },
          thoughts.responses,
          { role: "assistant", content: "Hello" },
          { role: "user", content: "Go on" },
        ],
      },
    }),
    ...(thoughts.messages && {
      messages: {
        messages: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: [thoughts.messages, { type: "text", text: "Hello" }] },
          { role: "user", content: "Go on" },
        ],
      },
    }),
    ...(thoughts.gemini && {
      gemini: {
        contents: [
          { role: "user", parts: [{ text: "Hi" }] },
          {
            role: "model",
            parts: [
              { text: "Greet.", thought: true },
              { text: "Hello", ...thoughts.gemini },
            ],
          },
          { role: "user", parts: [{ text: "Go on" }] },
        ],
      },
    }),
  });

export const settingCases: readonly GoldenCase[] = [
  settings("output limit", {
    chat: { max_completion_tokens: 500 },
    responses: { max_output_tokens: 500 },
    messages: { max_tokens: 500 },
    gemini: generation({ maxOutputTokens: 500 }),
  }),
  settings("stop sequences", {
    chat: { stop: ["END", "STOP"] },
    messages: { stop_sequences: ["END", "STOP"] },
    gemini: generation({ stopSequences: ["END", "STOP"] }),
  }),
  settings("temperature and top_p", {
    chat: { temperature: 0.7, top_p: 0.9 },
    responses: { temperature: 0.7, top_p: 0.9 },
    messages: { temperature: 0.7, top_p: 0.9 },
    gemini: generation({ temperature: 0.7, topP: 0.9 }),
  }),
  settings("top_k", { messages: { top_k: 40 }, gemini: generation({ topK: 40 }) }),
  settings("penalties", {
    chat: { frequency_penalty: 0.5, presence_penalty: 0.25 },
    gemini: generation({ frequencyPenalty: 0.5, presencePenalty: 0.25 }),
  }),
  settings("seed", { chat: { seed: 7 }, gemini: generation({ seed: 7 }) }),
  settings("logit bias", { chat: { logit_bias: { "50256": -100 } } }),
  settings("log probabilities", {
    chat: { logprobs: true, top_logprobs: 2 },
    responses: { include: ["message.output_text.logprobs"], top_logprobs: 2 },
    gemini: generation({ responseLogprobs: true, logprobs: 2 }),
  }),
  settings("several answers", { chat: { n: 2 }, gemini: generation({ candidateCount: 2 }) }),
  settings("any JSON", {
    chat: { response_format: { type: "json_object" } },
    responses: { text: { format: { type: "json_object" } } },
    gemini: generation({ responseMimeType: "application/json" }),
  }),
  settings("JSON by a schema", {
    chat: { response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } } },
    responses: { text: { format: { type: "json_schema", name: "person", strict: true, schema } } },
    messages: { output_config: { format: { type: "json_schema", schema } } },
    gemini: generation({ responseMimeType: "application/json", responseJsonSchema: schema }),
  }),
  settings("one word of a list", {
    gemini: generation({
      responseMimeType: "text/x.enum",
      responseSchema: { type: "STRING", enum: ["yes", "no"] },
    }),
  }),
  settings("reasoning: effort", {
    chat: { reasoning_effort: "high" },
    responses: { reasoning: { effort: "high", summary: "auto" } },
    messages: { thinking: { type: "adaptive" }, output_config: { effort: "high" } },
    gemini: generation({ thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true } }),
  }),
  settings("reasoning: budget", {
    chat: { reasoning: { max_tokens: 2048 } },
    messages: { max_tokens: 8000, thinking: { type: "enabled", budget_tokens: 2048 } },
    gemini: generation({ thinkingConfig: { thinkingBudget: 2048, includeThoughts: true } }),
  }),
  settings("reasoning: off", {
    chat: { reasoning_effort: "none" },
    responses: { reasoning: { effort: "none" } },
    messages: { thinking: { type: "disabled" } },
    gemini: generation({ thinkingConfig: { thinkingBudget: 0 } }),
  }),
  reasoned("reasoning in the history, own", {
    chat: { reasoning_content: "Greet." },
    responses: { ...gptThought, summary: [{ type: "summary_text", text: "Greet." }] },
    messages: { type: "thinking", thinking: "Greet.", signature: "EqQBopaque" },
    gemini: { thoughtSignature: "Q3BrQm9wYXF1ZQ==" },
  }),
  reasoned("reasoning in the history, redacted", {
    chat: {
      reasoning_details: [
        { type: "reasoning.encrypted", data: "EmwKopaque", format: "anthropic-claude-v1", index: 0 },
      ],
    },
    responses: { ...gptThought, summary: [] },
    messages: { type: "redacted_thinking", data: "EmwKopaque" },
    gemini: undefined,
  }),
  settings("verbosity", { chat: { verbosity: "low" }, responses: { text: { verbosity: "low" } } }),
  settings("metadata", {
    chat: { metadata: { team: "blue" } },
    responses: { metadata: { team: "blue" } },
    gemini: { labels: { team: "blue" } },
  }),
  settings("user's id", {
    chat: { user: "u1" },
    responses: { safety_identifier: "u1" },
    messages: { metadata: { user_id: "u1" } },
  }),
  settings("service tier", {
    chat: { service_tier: "priority" },
    responses: { service_tier: "flex" },
    messages: { service_tier: "standard_only" },
  }),
  settings("prompt cache key", { chat: { prompt_cache_key: "k1" }, responses: { prompt_cache_key: "k1" } }),
  settings("explicit cache", { gemini: { cachedContent: "cachedContents/c1" } }),
  settings("automatic caching", { messages: { cache_control: { type: "ephemeral" } } }),
  settings("store", { chat: { store: true }, responses: { store: true } }),
  settings("safety settings", {
    gemini: {
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_ONLY_HIGH" }],
    },
  }),
  settings("predicted output", { chat: { prediction: { type: "content", content: "It is" } } }),
  settings("spoken answer", {
    chat: { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } },
    gemini: generation({ responseModalities: ["AUDIO"] }),
  }),
  settings("a painted answer", {
    chat: { modalities: ["text", "image"] },
    gemini: generation({ responseModalities: ["TEXT", "IMAGE"] }),
  }),
  settings("a stored conversation", { responses: { previous_response_id: "resp_1" } }),
  settings("work in the background", { responses: { background: true } }),
  settings("a field nobody knows yet", {
    chat: { future_field: 1 },
    responses: { future_field: 1 },
    messages: { future_field: 1 },
    gemini: { futureField: 1 },
  }),
];
