/**
 * A client's request body to the canonical form. Strict: every field is checked, a wrong one named. Fields without
 * a canonical name go to `extensions` under their path (`reasoning.context`), for an upstream of this same API.
 */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { Chat, Effort, OutputFormat, Reasoning } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeInput } from "./decode-input.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";
import { Fields } from "./fields.ts";

export function decodeRequest(body: JsonObject, line: RequestLine): Chat {
  const fields = new Fields(body, "");
  const model = fields.string("model") ?? line.model;
  if (model === undefined || model === "") throw fields.wrong("model", "is required");
  if ((body["input"] ?? undefined) === undefined && !STATE_FIELDS.some((name) => body[name])) {
    throw fields.wrong("input", "is required");
  }
  const extensions: MutableJsonObject = { ...fields.rest(CANONICAL_FIELDS) };
  checkExtensions(fields);
  // Said or unsaid they mean the same, so no other API need be told that it cannot express them.
  if (extensions["truncation"] === "disabled") delete extensions["truncation"];
  if (extensions["background"] === false) delete extensions["background"];
  const { system, turns } = decodeInput(fields, line);
  const instructions = fields.string("instructions");
  const tools = decodeTools(fields);
  const { choice, verbatim } = decodeToolChoice(fields, tools);
  if (verbatim) extensions["tool_choice"] = verbatim;
  const outputTokensMax = fields.integer("max_output_tokens", 1);
  const parallelToolCalls = fields.boolean("parallel_tool_calls");
  const temperature = fields.number("temperature", 0, 2);
  const topP = fields.number("top_p", 0, 1);
  return {
    protocol: "openai-responses",
    model,
    stream: fields.boolean("stream") ?? line.stream ?? false,
    includeUsage: true,
    system: instructions === undefined ? system : [{ text: instructions, role: "system" }, ...system],
    turns,
    tools,
    ...(choice && { toolChoice: choice }),
    ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    ...(outputTokensMax !== undefined && { outputTokensMax }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...decodeLogprobs(fields, extensions),
    ...decodeText(fields, extensions),
    ...decodeReasoningChoice(fields, extensions),
    ...decodeOwnership(fields, extensions),
    extensions,
    betas: [],
  };
}

const STATE_FIELDS = ["previous_response_id", "conversation", "prompt"] as const;

/** Read here, or of no effect on the answer (`stream_options` only pads events). */
const CANONICAL_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "input",
  "instructions",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "text",
  "reasoning",
  "include",
  "stream",
  "stream_options",
  "store",
  "metadata",
  "user",
  "safety_identifier",
  "service_tier",
  "prompt_cache_key",
  "moderation",
]);

/** Known fields that are only carried are still checked, so that a mistake is named here and not upstream. */
function checkExtensions(fields: Fields): void {
  for (const name of ["previous_response_id", "prompt_cache_retention"]) fields.string(name);
  for (const name of ["prompt", "prompt_cache_options", "stream_options", "access_programs", "image"]) {
    fields.child(name);
  }
  if (typeof fields.object["conversation"] !== "string") fields.child("conversation");
  fields.boolean("background");
  fields.integer("max_tool_calls", 1);
  fields.oneOf("truncation", ["auto", "disabled"]);
  fields.children("context_management");
}

function decodeLogprobs(fields: Fields, extensions: MutableJsonObject): Pick<Chat, "logprobs"> {
  const include = (fields.list("include") ?? []).map((value, index) => {
    if (typeof value !== "string") throw fields.wrong(`include[${index}]`, "must be a string");
    return value;
  });
  const top = fields.integer("top_logprobs", 0, 20);
  // Encrypted reasoning is always asked for; the others belong to hosted tools.
  const rest = include.filter((value) => value !== LOGPROBS_INCLUDE && value !== ENCRYPTED_INCLUDE);
  if (rest.length > 0) extensions["include"] = rest;
  if (!include.includes(LOGPROBS_INCLUDE)) {
    if (top) extensions["top_logprobs"] = top;
    return {};
  }
  return { logprobs: top === undefined ? {} : { top } };
}

export const LOGPROBS_INCLUDE = "message.output_text.logprobs";
export const ENCRYPTED_INCLUDE = "reasoning.encrypted_content";

function decodeText(fields: Fields, extensions: MutableJsonObject): Pick<Chat, "output" | "verbosity"> {
  const text = fields.child("text");
  if (!text) return {};
  addRest(extensions, "text", text.rest(new Set(["format", "verbosity"])));
  const verbosity = text.oneOf("verbosity", ["low", "medium", "high"]);
  const format = text.child("format");
  const output = format && decodeFormat(format);
  return { ...(output && { output }), ...(verbosity && { verbosity }) };
}

function decodeFormat(format: Fields): OutputFormat {
  const type = format.oneOf("type", ["text", "json_object", "json_schema"]);
  if (type === undefined) throw format.wrong("type", "is required");
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  const schema = format.child("schema");
  if (!schema) throw format.wrong("schema", "is required");
  const description = format.string("description");
  const strict = format.boolean("strict");
  return {
    type: "json_schema",
    name: format.requiredString("name"),
    ...(description !== undefined && { description }),
    schema: schema.object,
    ...(strict !== undefined && { strict }),
  };
}

export const EFFORTS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

function decodeReasoningChoice(fields: Fields, extensions: MutableJsonObject): Pick<Chat, "reasoning"> {
  const choice = fields.child("reasoning");
  if (!choice) return {};
  addRest(extensions, "reasoning", choice.rest(new Set(["effort", "summary", "generate_summary"])));
  const effort = choice.oneOf("effort", EFFORTS);
  const details = ["auto", "concise", "detailed"] as const;
  const summary = choice.oneOf("summary", details) ?? choice.oneOf("generate_summary", details);
  if (summary !== undefined && summary !== "auto") extensions["reasoning.summary"] = summary;
  const reasoning: Reasoning = {
    ...(effort !== undefined && { effort }),
    ...(effort === "none" && { mode: "off" }),
    visibility: summary === undefined ? "none" : "summary",
  };
  return { reasoning };
}

function decodeOwnership(
  fields: Fields,
  extensions: MutableJsonObject,
): Pick<Chat, "store" | "serviceTier" | "userId" | "metadata" | "cache" | "safety"> {
  const store = fields.boolean("store");
  const serviceTier = fields.string("service_tier");
  const safetyIdentifier = fields.string("safety_identifier");
  const user = fields.string("user");
  if (safetyIdentifier !== undefined && user !== undefined) extensions["user"] = user;
  const userId = safetyIdentifier ?? user;
  const key = fields.string("prompt_cache_key");
  const safety = fields.child("moderation")?.object;
  const metadata = decodeMetadata(fields);
  return {
    ...(store !== undefined && { store }),
    ...(serviceTier !== undefined && { serviceTier }),
    ...(userId !== undefined && { userId }),
    ...(metadata && { metadata }),
    ...(key !== undefined && { cache: { key } }),
    ...(safety && { safety }),
  };
}

function decodeMetadata(fields: Fields): Readonly<Record<string, string>> | undefined {
  const metadata = fields.child("metadata");
  if (!metadata) return undefined;
  const names = Object.keys(metadata.object);
  return Object.fromEntries(names.map((name) => [name, metadata.requiredString(name)]));
}

function addRest(extensions: MutableJsonObject, parent: string, rest: JsonObject): void {
  for (const [name, value] of Object.entries(rest)) extensions[`${parent}.${name}`] = value;
}
