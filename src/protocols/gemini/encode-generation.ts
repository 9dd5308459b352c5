/**
 * `generationConfig`: sampling, output format, thinking. What a model or Gemini at all cannot take is dropped and
 * listed; a contract the caller would break on (several answers in a stream) is refused.
 */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { Chat, OutputFormat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { encodeThinking } from "./encode-thinking.ts";
import type { ToolContext } from "./encode-tools.ts";
import { toGeminiJsonSchema } from "./json-schema.ts";
import { mergeExtension } from "./merge-extension.ts";
import { toGeminiSchema } from "./tool-schema.ts";

const STOP_SEQUENCES_MAX = 5;
const TEMPERATURE_MAX = 2;
const SEED_MAX = 2 ** 31 - 1;

export function encodeGeneration(chat: Chat, context: ToolContext): JsonObject {
  const encoded = {
    ...encodeSampling(chat, context),
    ...encodeOutput(chat, context),
    ...encodeModalities(chat, context),
    ...encodeThinking(chat, context),
    ...encodeImageDetail(chat, context),
  };
  return chat.protocol === "gemini" ? mergeExtension(encoded, chat.extensions["generationConfig"]) : encoded;
}

function encodeSampling(chat: Chat, context: ToolContext): JsonObject {
  const { dropped } = context;
  const config: MutableJsonObject = {};
  if (chat.temperature !== undefined) config["temperature"] = Math.min(chat.temperature, TEMPERATURE_MAX);
  if (chat.topP !== undefined) config["topP"] = chat.topP;
  if (chat.topK !== undefined) config["topK"] = chat.topK;
  if (chat.outputTokensMax !== undefined) config["maxOutputTokens"] = chat.outputTokensMax;
  if (chat.stop && chat.stop.length > 0) config["stopSequences"] = chat.stop.slice(0, STOP_SEQUENCES_MAX);
  if (chat.stop && chat.stop.length > STOP_SEQUENCES_MAX) dropped.push(`stop[${STOP_SEQUENCES_MAX}..]`);
  if (chat.seed !== undefined) {
    if (Math.abs(chat.seed) <= SEED_MAX) config["seed"] = chat.seed;
    else dropped.push("seed");
  }
  if (chat.choices !== undefined && chat.choices > 1) {
    if (chat.stream) {
      throw new Failure("unsupported", "Gemini streams one answer only. Ask for one, or do not stream.", {
        param: "n",
      });
    }
    config["candidateCount"] = chat.choices;
  }
  if (chat.logprobs) {
    config["responseLogprobs"] = true;
    if (chat.logprobs.top !== undefined) config["logprobs"] = chat.logprobs.top;
  }
  Object.assign(config, encodePenalties(chat, context));
  if (chat.minP !== undefined) dropped.push("min_p");
  if (chat.repetitionPenalty !== undefined) dropped.push("repetition_penalty");
  if (chat.logitBias) dropped.push("logit_bias");
  if (chat.verbosity !== undefined) dropped.push("verbosity");
  return config;
}

/** AI Studio answers "Penalty is not enabled for this model" from 2.5 on; Vertex takes them. */
function encodePenalties(chat: Chat, { dialect, rules, dropped }: ToolContext): JsonObject {
  const isRefused = dialect.host === "aistudio" && rules.takesJsonSchema && chat.protocol !== "gemini";
  if (isRefused) {
    if (chat.frequencyPenalty) dropped.push("frequency_penalty");
    if (chat.presencePenalty) dropped.push("presence_penalty");
    return {};
  }
  return {
    ...(chat.frequencyPenalty !== undefined && { frequencyPenalty: chat.frequencyPenalty }),
    ...(chat.presencePenalty !== undefined && { presencePenalty: chat.presencePenalty }),
  };
}

function encodeOutput(chat: Chat, context: ToolContext): JsonObject {
  const output = chat.output;
  if (!output || isPromptedOutput(chat, context)) return {};
  switch (output.type) {
    case "text":
      return chat.protocol === "gemini" ? { responseMimeType: "text/plain" } : {};
    case "json":
      return { responseMimeType: "application/json" };
    case "enum":
      return {
        responseMimeType: "text/x.enum",
        ...(ownSchema(output) ?? { responseSchema: { type: "STRING", enum: output.values } }),
      };
    case "json_schema":
      return {
        responseMimeType: "application/json",
        ...(ownSchema(output) ?? schemaField(output.schema, context)),
      };
  }
}

/** A Gemini caller's schema goes on in its own spelling. */
function ownSchema({ raw }: Extract<OutputFormat, { type: "enum" | "json_schema" }>): JsonObject | undefined {
  return raw?.protocol === "gemini" ? raw.value : undefined;
}

function schemaField(schema: JsonObject, { rules }: ToolContext): JsonObject {
  if (rules.takesJsonSchema) return { responseJsonSchema: toGeminiJsonSchema(schema) };
  return { responseSchema: toGeminiSchema(schema, { ordered: true }) };
}

/**
 * Before Gemini 3, JSON output together with function declarations is refused: the format is then asked for in words,
 * and listed as dropped because nothing enforces it.
 */
export function outputInstruction(chat: Chat, context: ToolContext): string | undefined {
  if (!isPromptedOutput(chat, context) || !chat.output) return undefined;
  switch (chat.output.type) {
    case "text":
      return undefined;
    case "json":
      return "Give your final answer as one JSON object and nothing else.";
    case "enum":
      return `Give as your final answer exactly one of: ${chat.output.values.join(", ")}.`;
    case "json_schema":
      return (
        "Give your final answer as JSON that matches this JSON Schema, and nothing else:\n" +
        JSON.stringify(chat.output.schema)
      );
  }
}

function isPromptedOutput(chat: Chat, { rules }: ToolContext): boolean {
  if (!chat.output || chat.output.type === "text" || rules.takesJsonWithTools) return false;
  return chat.protocol !== "gemini" && chat.tools.some((tool) => tool.type !== "hosted");
}

function encodeModalities(chat: Chat, { dropped }: ToolContext): JsonObject {
  if (chat.audioOutput && chat.protocol !== "gemini") dropped.push("audio");
  const isTextOnly = chat.modalities?.every((modality) => modality === "text");
  if (!chat.modalities || (isTextOnly && chat.protocol !== "gemini")) return {};
  return { responseModalities: chat.modalities.map((modality) => modality.toUpperCase()) };
}

/** Gemini's detail is one switch for the request on the stable API: set only where all images agree. */
function encodeImageDetail(chat: Chat, { dropped }: ToolContext): JsonObject {
  const details = chat.turns.flatMap((turn) =>
    turn.side === "user"
      ? turn.parts.flatMap((part) => (part.type === "image" ? [part.detail ?? "auto"] : []))
      : [],
  );
  if (details.length === 0 || chat.protocol === "gemini") return {};
  if (details.every((detail) => detail === "low")) return { mediaResolution: "MEDIA_RESOLUTION_LOW" };
  const isHigh = details.every((detail) => detail === "high" || detail === "original");
  if (isHigh) return { mediaResolution: "MEDIA_RESOLUTION_HIGH" };
  if (details.some((detail) => detail !== "auto")) dropped.push("image_detail");
  return {};
}
