/**
 * The vendors' limits on single fields, which a gateway meets when it translates carelessly: names, ranges,
 * combinations. Only what the vendors document as refused; the order of turns is checked where the requests are
 * read.
 */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { VendorError } from "./vendor-error.ts";

const OPENAI_TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const ANTHROPIC_TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const THINKING_TOKENS_MIN = 1024;
const RESPONSES_OUTPUT_TOKENS_MIN = 16;
const OPENAI_STOPS_MAX = 4;
const GEMINI_STOPS_MAX = 5;

export function checkAnthropicLimits(body: JsonObject): void {
  checkRange(body, "temperature", 1);
  const tools = asArray(body.tools).map((tool) => asObject(tool) ?? {});
  for (const [index, tool] of tools.entries()) {
    if (ANTHROPIC_TOOL_NAME.test(asString(tool.name) ?? "")) continue;
    throw refuse(`tools.${index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
  }
  const choice = asObject(body.tool_choice);
  if (choice?.type === "tool" && !tools.some((tool) => tool.name === choice.name)) {
    throw refuse(`Tool '${asString(choice.name) ?? ""}' not found in provided tools`);
  }
  const thinking = asObject(body.thinking);
  // Adaptive thinking puts up with a forced choice (a recorded exchange shows it), a fixed budget does not.
  if (thinking?.type !== "enabled") return;
  if (choice?.type === "any" || choice?.type === "tool") {
    throw refuse("Thinking may not be enabled when tool_choice forces tool use.");
  }
  checkBudget(thinking, body);
}

function checkBudget(thinking: JsonObject, body: JsonObject): void {
  const budget = asNumber(thinking.budget_tokens) ?? 0;
  if (budget < THINKING_TOKENS_MIN) {
    throw refuse(
      `thinking.enabled.budget_tokens: Input should be greater than or equal to ${THINKING_TOKENS_MIN}`,
    );
  }
  const outputTokensMax = asNumber(body.max_tokens) ?? Infinity;
  if (budget >= outputTokensMax) throw refuse("`max_tokens` must be greater than `thinking.budget_tokens`.");
}

export function checkChatLimits(body: JsonObject): void {
  checkRange(body, "temperature", 2);
  checkRange(body, "top_p", 1);
  if (asArray(body.stop).length > OPENAI_STOPS_MAX) {
    throw refuse(`Invalid 'stop': array too long. Expected at most ${OPENAI_STOPS_MAX}.`, "stop");
  }
  for (const [index, value] of asArray(body.tools).entries()) {
    const tool = asObject(asObject(value)?.function);
    if (tool) checkFunction(tool, `tools[${index}].function`);
  }
  if (body.tool_choice !== undefined && body.tool_choice !== null && asArray(body.tools).length === 0) {
    throw refuse(
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      "tool_choice",
    );
  }
}

export function checkResponsesLimits(body: JsonObject): void {
  checkRange(body, "temperature", 2);
  checkRange(body, "top_p", 1);
  const outputTokensMax = asNumber(body.max_output_tokens);
  if (outputTokensMax !== undefined && outputTokensMax < RESPONSES_OUTPUT_TOKENS_MIN) {
    throw refuse(
      `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= ${RESPONSES_OUTPUT_TOKENS_MIN}.`,
      "max_output_tokens",
    );
  }
  for (const [index, value] of asArray(body.tools).entries()) {
    const tool = asObject(value) ?? {};
    if (tool.type === "function") checkFunction(tool, `tools[${index}]`);
  }
}

function checkFunction(tool: JsonObject, path: string): void {
  if (!OPENAI_TOOL_NAME.test(asString(tool.name) ?? "")) {
    throw refuse(`Invalid '${path}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.`, `${path}.name`);
  }
  const schema = asObject(tool.parameters);
  if (tool.strict !== true || schema === undefined) return;
  const problem = findStrictProblem(schema);
  if (problem === undefined) return;
  throw refuse(
    `Invalid schema for function '${asString(tool.name) ?? ""}': ${problem}`,
    `${path}.parameters`,
  );
}

/** Strict mode: every object closed, every property required, all the way down. */
function findStrictProblem(schema: Json | undefined): string | undefined {
  const object = asObject(schema);
  if (object === undefined) return undefined;
  const properties = asObject(object.properties) ?? {};
  if (object.type === "object" || object.properties !== undefined) {
    if (object.additionalProperties !== false)
      return "'additionalProperties' is required to be supplied and to be false.";
    const required = asArray(object.required);
    const missing = Object.keys(properties).find((name) => !required.includes(name));
    if (missing !== undefined) {
      return `'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'.`;
    }
  }
  const inner = [...Object.values(properties), object.items, ...asArray(object.anyOf)];
  return inner.map(findStrictProblem).find((problem) => problem !== undefined);
}

export function checkGeminiLimits(settings: JsonObject): void {
  checkRange(settings, "temperature", 2);
  const stops = asArray(settings.stopSequences ?? settings.stop_sequences);
  if (stops.length > GEMINI_STOPS_MAX)
    throw refuse(`The max number of stop sequences is ${GEMINI_STOPS_MAX}.`);
  const thinking = asObject(settings.thinkingConfig ?? settings.thinking_config) ?? {};
  const hasLevel = (thinking.thinkingLevel ?? thinking.thinking_level) !== undefined;
  const hasBudget = (thinking.thinkingBudget ?? thinking.thinking_budget) !== undefined;
  if (hasLevel && hasBudget) throw refuse("You can only set one of thinking_budget and thinking_level.");
}

function checkRange(body: JsonObject, name: string, most: number): void {
  const value = body[name];
  if (value === undefined || value === null) return;
  if (typeof value === "number" && value >= 0 && value <= most) return;
  throw refuse(`Invalid '${name}': a number from 0 to ${most} is required.`, name);
}

function refuse(message: string, param?: string): VendorError {
  return new VendorError("invalid", message, param === undefined ? {} : { param });
}
