/** Canonical tools and tool choice in this API's flat spelling; for upstreams, and for the echo in replies. */
import type { Json, JsonObject } from "#lib/json.ts";
import { asArray, asObject, asString } from "#lib/json.ts";
import { needsHostedTool, type Chat, type FunctionTool, type Tool, type ToolChoice } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { isStrictSchema } from "./strict-schema.ts";

/**
 * A hosted tool of another API is left out and told to `drop`, unless nothing else could be called: then it throws
 * `unsupported`.
 */
export function encodeTools(chat: Chat, drop: (path: string) => void): readonly JsonObject[] {
  const encoded: JsonObject[] = [];
  for (const [index, tool] of chat.tools.entries()) {
    if (isForeign(tool) && !needsHostedTool(chat)) {
      // Agents offer their vendor's hosted tools with every request; without them they work all the same.
      drop(`tools[${index}]`);
      continue;
    }
    const entry = encodeTool(tool, `tools[${index}]`, chat);
    const previous = encoded.at(-1);
    // Tools of one namespace were taken apart one by one; neighbours go back into one wrapper.
    if (
      previous?.["type"] === "namespace" &&
      entry["type"] === "namespace" &&
      previous["name"] === entry["name"]
    ) {
      const tools = [...asArray(previous["tools"]), ...asArray(entry["tools"])];
      encoded[encoded.length - 1] = { ...previous, tools };
      continue;
    }
    encoded.push(entry);
  }
  return encoded;
}

function isForeign(tool: Tool): boolean {
  return tool.type === "hosted" && tool.protocol !== "openai-responses";
}

function encodeTool(tool: Tool, path: string, chat: Chat): JsonObject {
  if (tool.type === "hosted") {
    if (tool.protocol === "openai-responses") return tool.value;
    const message = `The tool ${tool.kind} is run by another provider and cannot be offered by this target.`;
    throw new Failure("unsupported", message, { param: path });
  }
  if (tool.raw?.protocol === "openai-responses") return encodeOwn(tool, tool.raw.value);
  if (tool.type === "custom") {
    return {
      type: "custom",
      name: tool.name,
      ...(tool.description !== undefined && { description: tool.description }),
      ...(tool.format && { format: { type: "grammar", ...tool.format } }),
    };
  }
  return encodeFunction(tool, chat);
}

/** As the client spelled it. `strict` is written out, because servers disagree about its default. */
function encodeOwn(tool: Exclude<Tool, { type: "hosted" }>, raw: JsonObject): JsonObject {
  if (tool.type === "custom") return raw;
  const strict = tool.strict ?? true;
  if (tool.namespace === undefined) return { ...raw, strict };
  const inner = asArray(raw["tools"]).map((entry) => ({ ...asObject(entry), strict }));
  return { ...raw, tools: inner };
}

function encodeFunction(tool: FunctionTool, chat: Chat): JsonObject {
  const examples = (tool.examples ?? []).map((example) => `Example: ${JSON.stringify(example)}`);
  const description = [tool.description, ...examples].filter((line) => line !== undefined).join("\n");
  const parameters: JsonObject = tool.schema ?? {
    type: "object",
    properties: {},
    additionalProperties: false,
  };
  return {
    type: "function",
    name: tool.name,
    ...(description !== "" && { description }),
    parameters,
    strict: wantsStrict(tool.strict, parameters, chat),
  };
}

/**
 * Anthropic and Google take `strict` for schemas OpenAI would refuse it for, so only a fitting schema is sent as
 * strict on their callers' behalf. OpenAI's own callers get what they asked for.
 */
export function wantsStrict(strict: boolean | undefined, schema: JsonObject, chat: Chat): boolean {
  if (chat.protocol === "openai-chat" || chat.protocol === "openai-responses") return strict ?? false;
  return strict === true && isStrictSchema(schema);
}

export function encodeToolChoice(choice: ToolChoice, tools: readonly Tool[]): Json {
  if (choice.allowed === undefined || choice.mode === "none") return choice.mode;
  const [only, ...others] = choice.allowed;
  if (choice.mode === "required" && only !== undefined && others.length === 0) return named(only, tools);
  return {
    type: "allowed_tools",
    mode: choice.mode,
    tools: choice.allowed.map((name) => named(name, tools)),
  };
}

function named(name: string, tools: readonly Tool[]): JsonObject {
  const tool = tools.find((candidate) => candidate.type !== "hosted" && candidate.name === name);
  return { type: tool?.type ?? "function", ...splitName(name, tools) };
}

/** The name without its namespace, and the namespace, where the caller's own tools have one. */
export function splitName(
  name: string,
  tools: readonly Tool[],
): { readonly name: string; readonly namespace?: string } {
  const tool = tools.find((candidate) => candidate.type !== "hosted" && candidate.name === name);
  const namespace = tool?.type === "hosted" ? undefined : asString(tool?.namespace);
  if (namespace === undefined) return { name };
  return { name: name.slice(namespace.length + "__".length), namespace };
}
