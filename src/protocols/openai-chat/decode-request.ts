/**
 * A caller's Chat Completions body as a canonical request. Strict: every field that is used is checked and a wrong
 * one is a 400 with its path. Lenient in one way only: what the API does not define is kept in `extensions`, because
 * compatible servers take many more fields and the native lane forwards them.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { CacheHints, Chat, OutputFormat, Reasoning } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeCacheMark } from "./cache-mark.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";
import { Fields } from "./fields.ts";
import { present } from "./present.ts";

export function decodeRequest(body: JsonObject, line: RequestLine): Chat {
  const fields = new Fields(body);
  const model = fields.requiredString("model");
  if (model === "") throw fields.refuse("model", "the name of a model");
  const stream = fields.boolean("stream") ?? false;
  const { system, turns } = decodeMessages(fields, line);
  const toolChoice = decodeToolChoice(fields);
  const parallelToolCalls = fields.boolean("parallel_tool_calls");
  const asked = groupsOf(body);
  const chat: Mutable<Chat> = {
    protocol: "openai-chat",
    model,
    stream,
    includeUsage: fields.object("stream_options")?.boolean("include_usage") ?? false,
    system,
    turns,
    tools: decodeTools(fields),
    extensions: asked.unknown ? extensionsOf(body) : NO_EXTENSIONS,
    betas: NO_BETAS,
  };
  if (toolChoice) chat.toolChoice = toolChoice;
  if (parallelToolCalls !== undefined) chat.parallelToolCalls = parallelToolCalls;
  if (asked.sampling) Object.assign(chat, decodeSampling(fields));
  if (asked.shape) Object.assign(chat, decodeShape(fields));
  if (asked.account) Object.assign(chat, decodeAccount(fields));
  return chat;
}

/** A seed is an int64, which a number holds only nearly; nothing is computed from it. */
const INT64 = { least: -(2 ** 63), most: 2 ** 63 };

/** Lengths, sampling and alternatives. */
function decodeSampling(fields: Fields): Partial<Chat> {
  const outputTokensMax = decodeOutputLimit(fields);
  const logprobs = fields.boolean("logprobs");
  const topLogprobs = fields.integer("top_logprobs", { least: 0, most: 20 });
  return present({
    outputTokensMax,
    temperature: fields.number("temperature"),
    topP: fields.number("top_p"),
    topK: fields.number("top_k"),
    minP: fields.number("min_p"),
    frequencyPenalty: fields.number("frequency_penalty"),
    presencePenalty: fields.number("presence_penalty"),
    repetitionPenalty: fields.number("repetition_penalty"),
    seed: fields.integer("seed", INT64),
    stop: decodeStop(fields),
    choices: fields.integer("n", { least: 1, most: 128 }),
    logprobs: logprobs ? present({ top: topLogprobs }) : undefined,
    logitBias: decodeLogitBias(fields),
  });
}

/** What the answer should look like. */
function decodeShape(fields: Fields): Partial<Chat> {
  return present({
    output: decodeOutput(fields),
    modalities: decodeModalities(fields),
    audioOutput: decodeAudioOutput(fields),
    reasoning: decodeReasoning(fields),
    verbosity: fields.oneOf("verbosity", ["low", "medium", "high"]),
    webSearch: fields.object("web_search_options")?.value,
  });
}

/** Who asks, and what the provider should keep or charge. */
function decodeAccount(fields: Fields): Partial<Chat> {
  return present({
    cache: decodeCache(fields),
    serviceTier: fields.string("service_tier"),
    userId: fields.string("safety_identifier") ?? fields.string("user"),
    metadata: decodeMetadata(fields),
    store: fields.boolean("store"),
    safety: fields.object("moderation")?.value,
  });
}

/** Two names of one limit. Servers know one, the other or both, so that different values have no meaning. */
function decodeOutputLimit(fields: Fields): number | undefined {
  const older = fields.integer("max_tokens", { least: 1 });
  const newer = fields.integer("max_completion_tokens", { least: 1 });
  if (older !== undefined && newer !== undefined && older !== newer)
    throw fields.refuse("max_tokens", "left out where max_completion_tokens says something else");
  return newer ?? older;
}

function decodeStop(fields: Fields): readonly string[] | undefined {
  const value = fields.raw("stop");
  if (typeof value === "string") return [value];
  return fields.strings("stop");
}

function decodeLogitBias(fields: Fields): Readonly<Record<string, number>> | undefined {
  const bias = fields.object("logit_bias");
  if (!bias) return undefined;
  const entries = Object.keys(bias.value).map((token): [string, number] => [token, bias.number(token) ?? 0]);
  return Object.fromEntries(entries);
}

function decodeMetadata(fields: Fields): Readonly<Record<string, string>> | undefined {
  const metadata = fields.object("metadata");
  if (!metadata) return undefined;
  const names = Object.keys(metadata.value).filter((name) => metadata.has(name));
  return Object.fromEntries(names.map((name) => [name, metadata.requiredString(name)]));
}

function decodeOutput(fields: Fields): OutputFormat | undefined {
  const format = fields.object("response_format");
  if (!format) return undefined;
  const type = format.requiredString("type");
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") throw format.refuse("type", "text, json_object or json_schema");
  const described = format.requiredObject("json_schema");
  return {
    type: "json_schema",
    schema: described.object("schema")?.value ?? {},
    ...present({
      name: described.string("name"),
      description: described.string("description"),
      strict: described.boolean("strict"),
    }),
  };
}

function decodeModalities(fields: Fields): Chat["modalities"] {
  return fields.strings("modalities")?.map((word, index) => {
    if (word === "text" || word === "image" || word === "audio") return word;
    throw fields.refuse(`modalities[${index}]`, "text, image or audio");
  });
}

function decodeAudioOutput(fields: Fields): Chat["audioOutput"] {
  const audio = fields.object("audio");
  return audio && present({ format: audio.string("format"), voice: audio.raw("voice") });
}

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** `reasoning_effort`, OpenRouter's `reasoning` and DeepSeek's `thinking`: one wish in three spellings. */
function decodeReasoning(fields: Fields): Reasoning | undefined {
  const wish = fields.object("reasoning");
  const effort = wish?.oneOf("effort", EFFORTS) ?? fields.oneOf("reasoning_effort", EFFORTS);
  const budgetTokens = wish?.integer("max_tokens", { least: 0 });
  const enabled = wish?.boolean("enabled") ?? decodeThinking(fields);
  const exclude = wish?.boolean("exclude") ?? negated(fields.boolean("include_reasoning"));
  const summary = wish?.string("summary");
  if ([effort, budgetTokens, enabled, exclude, summary].every((value) => value === undefined))
    return undefined;
  return {
    ...present({ effort, budgetTokens, mode: decodeMode(enabled, effort) }),
    visibility: exclude ? "none" : "summary",
  };
}

function decodeMode(enabled: boolean | undefined, effort: string | undefined): Reasoning["mode"] {
  if (effort === "none" || enabled === false) return "off";
  return enabled || effort !== undefined ? "on" : undefined;
}

function decodeThinking(fields: Fields): boolean | undefined {
  const type = fields.object("thinking")?.string("type");
  return type === undefined ? undefined : type !== "disabled";
}

function negated(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}

function decodeCache(fields: Fields): CacheHints | undefined {
  const key = fields.string("prompt_cache_key");
  const automatic = decodeCacheMark(fields);
  return key === undefined && automatic === undefined ? undefined : present({ key, automatic });
}

type Group = "basic" | "sampling" | "shape" | "account";

const FIELDS: Readonly<Record<Group, string>> = {
  basic: "model messages stream stream_options tools tool_choice parallel_tool_calls functions function_call",
  sampling: `max_tokens max_completion_tokens temperature top_p top_k min_p frequency_penalty presence_penalty
    repetition_penalty seed stop n logprobs top_logprobs logit_bias`,
  shape: `response_format modalities audio reasoning reasoning_effort include_reasoning thinking verbosity
    web_search_options`,
  account: `prompt_cache_key prompt_cache_breakpoint cache_control service_tier safety_identifier user metadata
    store moderation`,
};

/** Every field that has a canonical name; the rest travels in `extensions`. */
const GROUPS: ReadonlyMap<string, Group> = new Map(
  (["basic", "sampling", "shape", "account"] as const).flatMap((group) =>
    FIELDS[group].split(/\s+/).map((name) => [name, group] as const),
  ),
);

/** Most callers use few fields: a group that none of them belongs to is not read at all. */
function groupsOf(body: JsonObject): Readonly<Record<Group | "unknown", boolean>> {
  const groups = { basic: false, sampling: false, shape: false, account: false, unknown: false };
  for (const name of Object.keys(body)) groups[GROUPS.get(name) ?? "unknown"] = true;
  return groups;
}

const NO_EXTENSIONS: JsonObject = {};
const NO_BETAS: readonly string[] = [];

function extensionsOf(body: JsonObject): JsonObject {
  const names = Object.keys(body).filter((name) => !GROUPS.has(name));
  return Object.fromEntries(names.map((name) => [name, body[name]]));
}
