/**
 * A caller's Messages body to the canonical request. Strict: a wrong type is a `bad_request` naming the field; a
 * block, tool or top-level field that is new to us travels along as it is and is refused only where a target of
 * another API cannot take it.
 */
import { asObject, type Json, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { CacheHints, Chat, OutputFormat, Reasoning, SystemPart } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeCacheMark, decodeTextBlock } from "./decode-content.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";
import {
  badField,
  fieldOf,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  requiredObject,
  requiredString,
} from "./field.ts";

export function decodeRequest(body: JsonObject, line: RequestLine): Chat {
  const outputTokensMax = optionalNumber(fieldOf(body, "max_tokens"), "max_tokens", {
    min: 0,
    isInteger: true,
  });
  if (outputTokensMax === undefined) throw badField("max_tokens", "is required");
  return { ...decodeCountRequest(body, line), outputTokensMax };
}

/** As `decodeRequest`, for the token counting call, which has no output limit. */
export function decodeCountRequest(body: JsonObject, line: RequestLine): Chat {
  const model = requiredString(fieldOf(body, "model"), "model");
  if (model === "") throw badField("model", "must not be empty");
  const { system, turns } = decodeMessages(body, line.unseal);
  const apiVersion = headerText(line.headers.get("anthropic-version") ?? undefined, "anthropic-version");
  return {
    protocol: "anthropic-messages",
    model,
    stream: optionalBoolean(fieldOf(body, "stream"), "stream") ?? false,
    includeUsage: true,
    system: [...decodeSystem(fieldOf(body, "system")), ...system],
    turns,
    tools: decodeTools(fieldOf(body, "tools")),
    ...decodeToolChoice(fieldOf(body, "tool_choice")),
    ...decodeSampling(body),
    ...decodeOutput(body),
    ...decodeReasoning(body),
    ...decodeCache(fieldOf(body, "cache_control")),
    ...decodeTier(body),
    ...decodeUser(fieldOf(body, "metadata")),
    extensions: decodeExtensions(body),
    betas: decodeBetas(line, body),
    ...(apiVersion !== undefined && { apiVersion }),
  };
}

function decodeSystem(value: Json | undefined): readonly SystemPart[] {
  if (value === undefined) return [];
  if (typeof value === "string") return value === "" ? [] : [{ text: value, role: "system" }];
  const blocks = optionalArray(value, "system") ?? [];
  return blocks.map((entry, index) => {
    const path = `system[${index}]`;
    const block = requiredObject(entry, path);
    if (block["type"] !== "text") throw badField(`${path}.type`, "must be `text`");
    return { ...decodeTextBlock(block, path), role: "system" };
  });
}

function decodeSampling(body: JsonObject): Partial<Chat> {
  const temperature = optionalNumber(fieldOf(body, "temperature"), "temperature", { min: 0, max: 1 });
  const topP = optionalNumber(fieldOf(body, "top_p"), "top_p", { min: 0, max: 1 });
  const topK = optionalNumber(fieldOf(body, "top_k"), "top_k", { min: 0, isInteger: true });
  const stop = optionalStrings(fieldOf(body, "stop_sequences"), "stop_sequences");
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(stop !== undefined && { stop }),
  };
}

const efforts = ["low", "medium", "high", "xhigh", "max"] as const;

function decodeOutput(body: JsonObject): { readonly output?: OutputFormat } {
  const config = optionalObject(fieldOf(body, "output_config"), "output_config");
  const current = config && optionalObject(fieldOf(config, "format"), "output_config.format");
  const format = current ?? optionalObject(fieldOf(body, "output_format"), "output_format");
  if (format === undefined) return {};
  const path = current ? "output_config.format" : "output_format";
  if (format["type"] !== "json_schema") throw badField(`${path}.type`, "must be `json_schema`");
  const schema = requiredObject(format["schema"], `${path}.schema`);
  return { output: { type: "json_schema", schema, strict: true } };
}

function decodeReasoning(body: JsonObject): { readonly reasoning?: Reasoning } {
  const config = optionalObject(fieldOf(body, "output_config"), "output_config");
  const wanted = config && optionalString(fieldOf(config, "effort"), "output_config.effort");
  const effort = efforts.find((name) => name === wanted);
  if (wanted !== undefined && effort === undefined) {
    throw badField("output_config.effort", `must be one of ${efforts.join(", ")}`);
  }
  const thinking = optionalObject(fieldOf(body, "thinking"), "thinking");
  if (thinking === undefined) return effort === undefined ? {} : { reasoning: { effort } };
  return { reasoning: { ...decodeThinking(thinking), ...(effort !== undefined && { effort }) } };
}

/** The least a thinking budget may be, by the API's own rule. */
const BUDGET_TOKENS_MIN = 1024;

function decodeThinking(thinking: JsonObject): Reasoning {
  const display = optionalString(fieldOf(thinking, "display"), "thinking.display");
  const visibility = display !== undefined && { visibility: displayMeaning(display) };
  const type = requiredString(fieldOf(thinking, "type"), "thinking.type");
  switch (type) {
    case "disabled":
      return { mode: "off" };
    case "between_tools":
      return { mode: "off", betweenTools: true, ...visibility };
    case "adaptive":
      return { mode: "auto", ...visibility };
    case "enabled": {
      const path = "thinking.budget_tokens";
      const bounds = { min: BUDGET_TOKENS_MIN, isInteger: true };
      const budgetTokens = optionalNumber(fieldOf(thinking, "budget_tokens"), path, bounds);
      if (budgetTokens === undefined) throw badField(path, "is required");
      return { mode: "on", budgetTokens, ...visibility };
    }
    default:
      throw badField("thinking.type", "must be one of enabled, adaptive, between_tools, disabled");
  }
}

function displayMeaning(display: string): "none" | "summary" {
  return display === "omitted" ? "none" : "summary";
}

function decodeCache(value: Json | undefined): { readonly cache?: CacheHints } {
  const automatic = decodeCacheMark(value, "cache_control");
  return automatic === undefined ? {} : { cache: { automatic } };
}

function decodeTier(body: JsonObject): { readonly serviceTier?: string } {
  const speed = optionalString(fieldOf(body, "speed"), "speed");
  const tier = optionalString(fieldOf(body, "service_tier"), "service_tier");
  if (speed === "fast") return { serviceTier: "fast" };
  if (tier === undefined) return {};
  return { serviceTier: tier === "standard_only" ? "default" : tier };
}

function decodeUser(value: Json | undefined): { readonly userId?: string } {
  const metadata = optionalObject(value, "metadata");
  const userId = metadata && optionalString(fieldOf(metadata, "user_id"), "metadata.user_id");
  return userId === undefined ? {} : { userId };
}

/** The fields above, which have canonical names; everything else goes to the same API only. */
const canonicalFields: ReadonlySet<string> = new Set([
  "model",
  "max_tokens",
  "messages",
  "system",
  "stop_sequences",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
  "cache_control",
  "speed",
  "betas",
]);

function decodeExtensions(body: JsonObject): JsonObject {
  const extensions: MutableJsonObject = Object.fromEntries(
    Object.entries(body).filter(([name, value]) => !canonicalFields.has(name) && value !== null),
  );
  const { effort: _, format: __, ...config } = asObject(body["output_config"]) ?? {};
  if (Object.keys(config).length > 0) extensions["output_config"] = config;
  if (body["speed"] === "standard") extensions["speed"] = "standard";
  if (body["speed"] === "fast" && typeof body["service_tier"] === "string") {
    extensions["service_tier"] = body["service_tier"];
  }
  return extensions;
}

/** From the header, and from the body for callers that write the SDK's `betas` argument into it. */
function decodeBetas(line: RequestLine, body: JsonObject): readonly string[] {
  const named = (line.headers.get("anthropic-beta") ?? "")
    .split(",")
    .map((beta) => beta.trim())
    .filter((beta) => beta !== "");
  const listed = optionalStrings(fieldOf(body, "betas"), "betas") ?? [];
  for (const beta of named) headerText(beta, "anthropic-beta");
  for (const [index, beta] of listed.entries()) headerText(beta, `betas[${index}]`);
  return [...new Set([...named, ...listed])];
}

/** These go on in headers. What no header can hold would fail there, and be counted as the upstream's fault. */
function headerText(text: string | undefined, path: string): string | undefined {
  if (text === undefined || /^[\x20-\x7e]*$/.test(text)) return text;
  throw badField(path, "must be printable ASCII on one line");
}
