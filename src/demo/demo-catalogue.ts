/** What GET models answers, in the shape of each API. */
import type { JsonObject } from "#lib/json.ts";
import type { Api, House } from "./conversation.ts";
import { findDemoModel, LISTED_MODELS } from "./demo-models.ts";
import { VendorError } from "./vendor-error.ts";

const CREATED = 1_790_000_000;
const CREATED_AT = "2026-09-21T00:00:00Z";
const CONTEXT_TOKENS_MAX = 1_000_000;
const OUTPUT_TOKENS_MAX = 128_000;

export function writeModelList(api: Api, house: House): JsonObject {
  if (api === "gemini") return { models: LISTED_MODELS.map(writeGeminiModel) };
  if (api === "anthropic") {
    const data = LISTED_MODELS.map(writeAnthropicModel);
    return { data, has_more: false, first_id: LISTED_MODELS[0], last_id: LISTED_MODELS.at(-1) };
  }
  if (house === "openrouter") return { data: LISTED_MODELS.map(writeOpenRouterModel) };
  return { object: "list", data: LISTED_MODELS.map((id) => writeOpenAiModel(id, house)) };
}

/** Throws VendorError where there is no such model. */
export function writeModel(id: string, api: Api, house: House): JsonObject {
  if (findDemoModel(id) === undefined) throw new VendorError("notFound", `The model '${id}' does not exist.`);
  if (api === "gemini") return writeGeminiModel(id);
  return api === "anthropic" ? writeAnthropicModel(id) : writeOpenAiModel(id, house);
}

function writeOpenAiModel(id: string, house: House): JsonObject {
  const owner = house === "clewdr" ? "clewdr" : "demo";
  return { id, object: "model", created: house === "clewdr" ? 0 : CREATED, owned_by: owner };
}

function writeAnthropicModel(id: string): JsonObject {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: CREATED_AT,
    max_input_tokens: CONTEXT_TOKENS_MAX,
    max_tokens: OUTPUT_TOKENS_MAX,
  };
}

function writeGeminiModel(id: string): JsonObject {
  return {
    name: `models/${id}`,
    version: "1",
    displayName: id,
    inputTokenLimit: CONTEXT_TOKENS_MAX,
    outputTokenLimit: OUTPUT_TOKENS_MAX,
    supportedGenerationMethods: ["generateContent", "streamGenerateContent", "countTokens", "embedContent"],
  };
}

function writeOpenRouterModel(id: string): JsonObject {
  return {
    id: `demo/${id}`,
    canonical_slug: `demo/${id}`,
    name: id,
    created: CREATED,
    context_length: CONTEXT_TOKENS_MAX,
    architecture: {
      input_modalities: ["text", "image", "file"],
      output_modalities: ["text"],
      tokenizer: "Other",
    },
    pricing: { prompt: "0.000001", completion: "0.000002" },
    top_provider: { context_length: CONTEXT_TOKENS_MAX, max_completion_tokens: OUTPUT_TOKENS_MAX },
    supported_parameters: ["tools", "tool_choice", "response_format", "structured_outputs", "reasoning"],
  };
}
