/** Tools and tool choice for an upstream of this API. */
import { isObject, type JsonObject } from "#lib/json.ts";
import { needsHostedTool, type Chat, type FunctionTool, type Tool } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { cacheField, unsupported } from "./encode-content.ts";
import { fitSchema, isLoosened } from "./fit-schema.ts";
import type { ModelRules } from "./model-rules.ts";
import { hasStructuredOutput } from "./plan-output.ts";
import type { ToolNames } from "./tool-names.ts";

interface Setting {
  readonly dialect: Dialect;
  readonly rules: ModelRules;
  readonly toolNames: ToolNames | undefined;
  readonly dropped: Set<string>;
}

export function encodeTools(chat: Chat, setting: Setting): readonly JsonObject[] {
  const allowed = chat.toolChoice?.allowed;
  // A choice among several has no word here: only those are sent. One that is forced keeps the list, and its cache.
  const isSubset = allowed !== undefined && !(chat.toolChoice?.mode === "required" && allowed.length === 1);
  const tools = chat.tools.flatMap((tool, index) => {
    const isOut = isSubset && tool.type !== "hosted" && !allowed.includes(tool.name);
    return isOut ? [] : encodeTool(tool, `tools[${index}]`, { chat, setting });
  });
  if (chat.webSearch === undefined) return tools;
  if (Object.keys(chat.webSearch).some((name) => name !== "user_location"))
    setting.dropped.add("web_search_options");
  return [...tools, webSearchTool(chat.webSearch, setting.dialect)];
}

interface Offer {
  readonly chat: Chat;
  readonly setting: Setting;
}

function encodeTool(tool: Tool, path: string, { chat, setting }: Offer): readonly JsonObject[] {
  switch (tool.type) {
    case "function":
      return tool.raw?.protocol === "anthropic-messages"
        ? [ownTool(tool.raw.value, path, setting)]
        : [encodeFunction(tool, path, setting)];
    case "custom": {
      const format =
        tool.format && `The input follows this ${tool.format.syntax} definition: ${tool.format.definition}`;
      const description = [tool.description, format].filter((text) => text !== undefined).join("\n\n");
      return [
        {
          name: setting.toolNames?.wire(tool.name) ?? tool.name,
          ...(description !== "" && { description }),
          input_schema: CUSTOM_SCHEMA,
        },
      ];
    }
    case "hosted":
      if (tool.protocol === "anthropic-messages") return [tool.value];
      if (needsHostedTool(chat)) {
        throw unsupported(path, `the hosted tool ${tool.kind} exists only at another provider`);
      }
      // Agents offer their vendor's hosted tools with every request; without them they work all the same.
      setting.dropped.add(path);
      return [];
  }
}

/** Free text as the one field of an object; calls are unwrapped on their way back. */
const CUSTOM_SCHEMA: JsonObject = {
  type: "object",
  properties: { input: { type: "string", description: "The whole input, as free text." } },
  required: ["input"],
  additionalProperties: false,
};

/** The caller's own spelling, less what the host refuses. */
export function ownTool(tool: JsonObject, path: string, { dialect, dropped }: LossSetting): JsonObject {
  if (tool["strict"] === undefined || dialect.host !== "vertex") return tool;
  const { strict, ...rest } = tool;
  if (strict === true) dropped.add(`${path}.strict`);
  return rest;
}
type LossSetting = Pick<Setting, "dialect" | "dropped">;

function encodeFunction(tool: FunctionTool, path: string, setting: Setting): JsonObject {
  const examples = (tool.examples ?? []).filter(isObject);
  const takesExamples = setting.dialect.host === "anthropic";
  const told = takesExamples ? [] : examples.map((example) => `Example input: ${JSON.stringify(example)}`);
  const description = [tool.description, ...told].filter((text) => text !== undefined && text !== "");
  return {
    name: setting.toolNames?.wire(tool.name, tool.namespace) ?? tool.name,
    ...(description.length > 0 && { description: description.join("\n\n") }),
    ...encodeSchema(tool, path, setting),
    ...(takesExamples && examples.length > 0 && { input_examples: examples }),
    ...cacheField(tool.cache),
  };
}

function encodeSchema(tool: FunctionTool, path: string, { dialect, rules, dropped }: Setting): JsonObject {
  const schema: JsonObject = { type: "object", ...(tool.schema ?? { properties: {} }) };
  if (tool.strict !== true) return { input_schema: schema };
  const isPossible = rules.hasStructuredOutput && hasStructuredOutput(dialect);
  const fitted = isPossible ? fitSchema(schema) : undefined;
  if (fitted !== undefined) {
    if (isLoosened(schema)) dropped.add(`${path}.parameters`);
    return { input_schema: fitted, strict: true };
  }
  dropped.add(`${path}.strict`);
  return { input_schema: schema };
}

/** Chat Completions' search options as this API's tool: user location carries over, context size does not. */
function webSearchTool(options: JsonObject, dialect: Dialect): JsonObject {
  if (dialect.host !== "anthropic" && dialect.host !== "vertex" && dialect.host !== "clewdr") {
    throw unsupported("web_search_options", "this upstream has no web search");
  }
  const location = options["user_location"];
  const approximate =
    isObject(location) && isObject(location["approximate"]) ? location["approximate"] : undefined;
  return {
    type: "web_search_20250305",
    name: "web_search",
    ...(approximate && { user_location: { type: "approximate", ...approximate } }),
  };
}

/** The choice in this API's words; undefined where there is nothing to choose from or nothing was said. */
export function encodeToolChoice(chat: Chat, toolNames: ToolNames | undefined): JsonObject | undefined {
  const isSerial = chat.parallelToolCalls === false && { disable_parallel_tool_use: true };
  const choice = chat.toolChoice;
  if (choice === undefined) {
    if (chat.parallelToolCalls === undefined) return undefined;
    return isSerial ? { type: "auto", ...isSerial } : undefined;
  }
  switch (choice.mode) {
    case "none":
      return { type: "none" };
    case "auto":
      return { type: "auto", ...isSerial };
    case "required": {
      const [only, ...others] = choice.allowed ?? [];
      if (only === undefined || others.length > 0) return { type: "any", ...isSerial };
      return { type: "tool", name: toolNames?.wire(only) ?? only, ...isSerial };
    }
  }
}
