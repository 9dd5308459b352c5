/**
 * Tools, tool choice and their configuration. Custom (free text) tools become functions with one string argument
 * `input`; hosted tools go only to their own API, but for web search, which has a counterpart here: others are left out and
 * listed, or refused where the request needs them.
 */
import type { JsonObject } from "#lib/json.ts";
import { needsHostedTool, type Chat, type FunctionTool, type Tool } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { toGeminiJsonSchema } from "./json-schema.ts";
import { mergeExtension } from "./merge-extension.ts";
import type { ModelRules } from "./model-rules.ts";
import { toWireName } from "./tool-names.ts";
import { toGeminiSchema } from "./tool-schema.ts";

export interface ToolContext {
  readonly rules: ModelRules;
  readonly dialect: Dialect;
  readonly dropped: string[];
  /** Whether each picture says its own detail. */
  readonly keepsDetail?: boolean;
}

/** `tools` and `toolConfig`, each only where there is something to say. */
export function encodeTools(chat: Chat, context: ToolContext): JsonObject {
  const offered = chat.tools.filter((tool) => isOffered(tool, chat));
  const functions = offered.flatMap((tool) => declarationOf(tool, context));
  // All declarations share one entry, where the first of them stood: order is part of what providers cache by.
  const firstFunction = offered.findIndex((tool) => tool.type !== "hosted");
  const tools = offered.flatMap((tool, index): readonly JsonObject[] => {
    if (tool.type === "hosted") return hostedOf(tool, chat, context);
    return index === firstFunction ? [{ functionDeclarations: functions }] : [];
  });
  if (Object.keys(chat.webSearch ?? {}).length > 0) context.dropped.push("web_search_options");
  if (chat.webSearch && !tools.some((tool) => "googleSearch" in tool)) tools.push({ googleSearch: {} });
  if (chat.parallelToolCalls === false) context.dropped.push("parallel_tool_calls");
  const config = toolConfig(chat, functions.length > 0, context);
  const toolConfigMerged = mergeExtension(config, extensionOf(chat, "toolConfig"));
  return {
    ...(tools.length > 0 && { tools }),
    ...(Object.keys(toolConfigMerged).length > 0 && { toolConfig: toolConfigMerged }),
  };
}

function extensionOf(chat: Chat, name: string): unknown {
  return chat.protocol === "gemini" ? chat.extensions[name] : undefined;
}

/** With mode AUTO Gemini has no list of allowed names: only the allowed tools are sent. */
function isOffered(tool: Tool, chat: Chat): boolean {
  const choice = chat.toolChoice;
  if (choice?.mode !== "auto" || !choice.allowed || tool.type === "hosted") return true;
  return choice.allowed.includes(tool.name);
}

function declarationOf(tool: Tool, context: ToolContext): readonly JsonObject[] {
  switch (tool.type) {
    case "hosted":
      return [];
    case "custom":
      return [customDeclaration(tool, context)];
    case "function":
      return [functionDeclaration(tool, context)];
  }
}

function functionDeclaration(tool: FunctionTool, { rules }: ToolContext): JsonObject {
  const name = toWireName(tool, rules.toolNameCharsMax);
  if (tool.raw?.protocol === "gemini") return { ...tool.raw.value, name };
  const description = withExamples(tool);
  return { name, ...(description !== undefined && { description }), ...parametersOf(tool.schema, rules) };
}

/** A function without arguments has no `parameters`: an OBJECT with empty `properties` is refused by older models. */
function parametersOf(schema: JsonObject | undefined, rules: ModelRules): JsonObject {
  if (!schema || takesNothing(schema)) return {};
  if (rules.takesJsonSchema) return { parametersJsonSchema: toGeminiJsonSchema(schema) };
  return { parameters: toGeminiSchema(schema) };
}

const SHAPING_KEYWORDS = [
  "properties",
  "$ref",
  "anyOf",
  "oneOf",
  "allOf",
  "additionalProperties",
  "patternProperties",
];

function takesNothing(schema: JsonObject): boolean {
  return SHAPING_KEYWORDS.every((keyword) => {
    const value = schema[keyword];
    if (value === undefined || typeof value === "boolean") return value !== true;
    return typeof value === "object" && value !== null && Object.keys(value).length === 0;
  });
}

function withExamples(tool: FunctionTool): string | undefined {
  if (!tool.examples || tool.examples.length === 0) return tool.description;
  const lines = tool.examples.map((example) => JSON.stringify(example));
  return [tool.description ?? "", "Examples of arguments:", ...lines].join("\n").trimStart();
}

function customDeclaration(tool: Extract<Tool, { type: "custom" }>, { rules }: ToolContext): JsonObject {
  const format =
    tool.format && `The input must match this ${tool.format.syntax} grammar:\n${tool.format.definition}`;
  const description = [tool.description, format].filter((text) => text !== undefined).join("\n\n");
  const schema = { type: "object", properties: { input: { type: "string" } }, required: ["input"] };
  return {
    name: toWireName(tool, rules.toolNameCharsMax),
    ...(description !== "" && { description }),
    ...parametersOf(schema, rules),
  };
}

function hostedOf(
  tool: Extract<Tool, { type: "hosted" }>,
  chat: Chat,
  context: ToolContext,
): readonly JsonObject[] {
  if (tool.protocol === "gemini") return [tool.value];
  if (tool.kind.startsWith("web_search")) {
    const { type: _, name: __, ...options } = tool.value;
    context.dropped.push(
      ...Object.keys(options).map((option) => `tools[${chat.tools.indexOf(tool)}].${option}`),
    );
    return [{ googleSearch: {} }];
  }
  const path = `tools[${chat.tools.indexOf(tool)}]`;
  if (needsHostedTool(chat)) {
    throw new Failure(
      "unsupported",
      `The tool \`${tool.kind}\` exists only at its own provider. Remove it.`,
      {
        param: path,
      },
    );
  }
  // Agents offer their vendor's hosted tools with every request; without them they work all the same.
  context.dropped.push(path);
  return [];
}

function toolConfig(chat: Chat, hasFunctions: boolean, { rules }: ToolContext): JsonObject {
  if (!hasFunctions) return {};
  const isStrict =
    rules.takesValidatedMode && chat.tools.some((tool) => tool.type === "function" && tool.strict);
  const choice = chat.toolChoice;
  switch (choice?.mode) {
    case "none":
      return { functionCallingConfig: { mode: "NONE" } };
    case "required":
      return { functionCallingConfig: { mode: "ANY", ...allowedNames(chat, rules) } };
    case "auto":
      return { functionCallingConfig: { mode: isStrict ? "VALIDATED" : "AUTO" } };
    case undefined:
      return isStrict ? { functionCallingConfig: { mode: "VALIDATED" } } : {};
  }
}

function allowedNames(chat: Chat, rules: ModelRules): JsonObject {
  const allowed = chat.toolChoice?.allowed;
  if (!allowed) return {};
  const names = allowed.map((name) => {
    const tool = chat.tools.find((tool) => tool.type !== "hosted" && tool.name === name);
    return toWireName(tool && tool.type !== "hosted" ? tool : { name }, rules.toolNameCharsMax);
  });
  return { allowedFunctionNames: names };
}
