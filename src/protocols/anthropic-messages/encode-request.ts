/**
 * The canonical request as this API's body. What is only a hint is left out and listed; what changes the answer's
 * contract, or what the model was to read, is refused as `unsupported`, so that another target may take it.
 */
import { asObject, type Json, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { listUnsaid } from "#protocols/list-unsaid.ts";
import type { Dialect, EncodedRequest } from "#protocols/protocol.ts";
import { betasFor, protocolHeaders } from "./betas.ts";
import { fitCacheMarks } from "./cache-marks.ts";
import { isOwnCitation } from "./citation.ts";
import { cacheField, unsupported } from "./encode-content.ts";
import { encodeMessages, type Message } from "./encode-messages.ts";
import { encodeTools, encodeToolChoice } from "./encode-tools.ts";
import { isLoosened } from "./fit-schema.ts";
import { modelRules, type ModelRules } from "./model-rules.ts";
import { planOutput, type OutputPlan } from "./plan-output.ts";
import { planThinking, type ThinkingPlan } from "./plan-thinking.ts";
import { encodeSampling, encodeTier, encodeUser, listHints } from "./encode-settings.ts";
import { ToolNames } from "./tool-names.ts";

export function encodeRequest(chat: Chat, dialect: Dialect): EncodedRequest {
  refuseContracts(chat);
  const dropped = new Set<string>();
  const isOwn = chat.protocol === "anthropic-messages";
  const rules = modelRules(dialect);
  const toolNames = isOwn ? undefined : new ToolNames(chat.tools);
  const setting = { dialect, rules, dropped, toolNames };
  const output = planOutput(chat, dialect);
  if (output.type === "instruction") dropped.add("response_format");
  const wanted = chat.output?.type === "json_schema" ? chat.output.schema : undefined;
  if (output.type === "native" && !isOwn && wanted && isLoosened(wanted))
    dropped.add("response_format.json_schema");
  const messages = encodeMessages(chat, setting);
  const maxTokens = outputLimit(chat, rules);
  const planned = planThinking(chat, { rules, maxTokens, dropped });
  const thinking = withinToolLoop(planned, messages, dropped);
  const tools = toolFields(chat, { output, thinking, setting });
  listHints(chat, dropped);
  const sayable = { cacheMarks: true, citationWishes: true, citation: isOwnCitation };
  for (const name of listUnsaid(chat, sayable)) dropped.add(name);
  const betas = betasFor(chat.betas, dialect.host, dropped);
  const body: MutableJsonObject = { model: dialect.model, max_tokens: maxTokens };
  add(body, systemField(chat, [...instructionOf(output), ...tools.instructions]));
  body["messages"] = messages.map(toWire);
  add(body, tools.fields);
  add(body, encodeSampling(chat, { rules, isThinking: isThinking(tools.thinking, rules), dropped }));
  if (chat.stream) body["stream"] = true;
  add(body, encodeTier(chat, dialect, dropped));
  add(body, encodeUser(chat, dropped));
  add(body, cacheField(chat.cache?.automatic));
  // A caller's field may be called `__proto__`: assigned, it would be swallowed.
  const whole: MutableJsonObject = isOwn ? { ...body, ...chat.extensions } : body;
  add(whole, thinkingFields(tools.thinking, output, isOwn ? chat.extensions["output_config"] : undefined));
  return {
    body: fitCacheMarks(whole),
    headers: protocolHeaders(dialect.host, betas, isOwn ? chat.apiVersion : undefined),
    dropped: dropped.size === 0 ? NONE_DROPPED : [...dropped],
  };
}

const NONE_DROPPED: readonly string[] = [];
const NOTHING: JsonObject = {};

function add(body: MutableJsonObject, fields: JsonObject): void {
  for (const name in fields) body[name] = fields[name];
}

function toWire({ role, content }: Message): JsonObject {
  return { role, content };
}

/** Fields by which a caller refers to what its provider keeps: without them the conversation is another one. */
const STORED_ELSEWHERE = ["previous_response_id", "conversation", "prompt"] as const;

/** Contracts a client would break on if they were dropped. */
function refuseContracts(chat: Chat): void {
  if (chat.protocol !== "anthropic-messages") refuseExtensions(chat.extensions);
  if ((chat.choices ?? 1) > 1) throw unsupported("n", "this model gives one answer at a time");
  if (chat.logprobs !== undefined) throw unsupported("logprobs", "this model reports no log probabilities");
  const isSpoken = chat.modalities?.some((modality) => modality !== "text") === true;
  if (isSpoken || chat.audioOutput !== undefined) {
    throw unsupported("modalities", "this model answers in text only");
  }
  if (chat.cache?.explicitName !== undefined) {
    throw unsupported("cached_content", "the cached content is stored with another provider");
  }
}

function refuseExtensions(extensions: JsonObject): void {
  for (const name of STORED_ELSEWHERE) {
    if (extensions[name] !== undefined && extensions[name] !== null) {
      throw unsupported(name, "what it refers to is stored with another provider");
    }
  }
  if (extensions["background"] === true)
    throw unsupported("background", "this model answers while one waits");
}

/**
 * The caller's cap; the family's maximum where none was named. A cap beyond the maximum says the same as the maximum,
 * but the API refuses it, and callers of other APIs do not know it.
 */
function outputLimit(chat: Chat, rules: ModelRules): number {
  const asked = chat.outputTokensMax;
  if (asked === undefined) return rules.outputTokensMax;
  const isBound = rules.isCatalogued && chat.protocol !== "anthropic-messages";
  return isBound ? Math.min(asked, rules.outputTokensMax) : asked;
}

/** With a budget the API wants the last answer of an open tool loop to begin with a thought; without one, no budget. */
function withinToolLoop(
  plan: ThinkingPlan,
  messages: readonly Message[],
  dropped: Set<string>,
): ThinkingPlan {
  if (plan.thinking?.["type"] !== "enabled") return plan;
  const isLoop = messages.at(-1)?.content[0]?.["type"] === "tool_result";
  const answer = messages.findLast((message) => message.role === "assistant");
  const first = answer?.content[0]?.["type"];
  if (!isLoop || first === "thinking" || first === "redacted_thinking") return plan;
  dropped.add("reasoning");
  const { thinking: _, ...rest } = plan;
  return rest;
}

interface ToolPlan {
  readonly fields: JsonObject;
  /** Sentences for the system text, where a choice could only be asked for. */
  readonly instructions: readonly string[];
  readonly thinking: ThinkingPlan;
}

interface ToolSituation {
  readonly output: OutputPlan;
  readonly thinking: ThinkingPlan;
  readonly setting: Parameters<typeof encodeTools>[1];
}

function toolFields(chat: Chat, { output, thinking, setting }: ToolSituation): ToolPlan {
  if (output.type === "forced_tool") {
    const tool = {
      name: output.name,
      description: "Give the answer with this tool.",
      input_schema: output.schema,
    };
    const choice = { type: "tool", name: output.name };
    return {
      fields: { tools: [tool], tool_choice: choice },
      instructions: [],
      thinking: withoutDefaultThinking(thinking, setting.rules),
    };
  }
  const tools = encodeTools(chat, setting);
  if (tools.length === 0) return { fields: {}, instructions: [], thinking };
  const choice = encodeToolChoice(chat, setting.toolNames);
  const isForced = choice?.["type"] === "any" || choice?.["type"] === "tool";
  const fields = { tools, ...(choice !== undefined && { tool_choice: choice }) };
  if (!isForced) return { fields, instructions: [], thinking };
  const { rules } = setting;
  if (rules.takesForcedTool && thinking.thinking?.["type"] !== "enabled") {
    return { fields, instructions: [], thinking: withoutDefaultThinking(thinking, rules) };
  }
  setting.dropped.add("tool_choice");
  const { name: _, ...rest } = choice;
  const sentence =
    choice["type"] === "tool"
      ? `Call the tool ${JSON.stringify(choice["name"])} now.`
      : "Call one of the tools now.";
  return {
    fields: { tools, tool_choice: { ...rest, type: "auto" } },
    instructions: [sentence],
    thinking,
  };
}

function isThinking(plan: ThinkingPlan, rules: ModelRules): boolean {
  const type = plan.thinking?.["type"];
  return type === undefined ? rules.thinksByDefault : type === "enabled" || type === "adaptive";
}

/**
 * A forced tool excludes thinking with a budget; adaptive thinking goes with it (seen in recorded traffic). Models that
 * think by themselves are told not to, unless the caller wanted it.
 */
function withoutDefaultThinking(plan: ThinkingPlan, rules: ModelRules): ThinkingPlan {
  const isSilent =
    plan.thinking !== undefined || !rules.thinksByDefault || !rules.thinking.includes("disabled");
  return isSilent ? plan : { ...plan, thinking: { type: "disabled" } };
}

function instructionOf(output: OutputPlan): readonly string[] {
  return output.type === "instruction" ? [output.text] : [];
}

function systemField(chat: Chat, instructions: readonly string[]): JsonObject {
  if (chat.system.length === 0 && instructions.length === 0) return NOTHING;
  const parts = chat.system.filter((part) => part.text.trim() !== "");
  const [only, ...others] = parts;
  const isPlain = only !== undefined && others.length === 0 && only.cache === undefined;
  if (isPlain && instructions.length === 0) return { system: only.text };
  const blocks = [
    ...parts.map((part) => ({ type: "text", text: part.text, ...cacheField(part.cache) })),
    ...instructions.map((text) => ({ type: "text", text })),
  ];
  return blocks.length === 0 ? {} : { system: blocks };
}

/** `more`: fields of `output_config` only this API knows. */
function thinkingFields(plan: ThinkingPlan, output: OutputPlan, more: Json | undefined): JsonObject {
  const config: MutableJsonObject = { ...asObject(more) };
  if (plan.effort !== undefined) config["effort"] = plan.effort;
  if (output.type === "native") config["format"] = { type: "json_schema", schema: output.schema };
  const fields: MutableJsonObject = {};
  if (plan.thinking !== undefined) fields["thinking"] = plan.thinking;
  if (Object.keys(config).length > 0) fields["output_config"] = config;
  return fields;
}
