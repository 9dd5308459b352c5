/** Tools a caller offers and which of them may be called, the deprecated `functions` spelling included. */
import type { FunctionTool, Tool, ToolChoice } from "#model/chat.ts";
import { decodeCacheMark } from "./cache-mark.ts";
import { badRequest, type Fields } from "./fields.ts";

export function decodeTools(fields: Fields): readonly Tool[] {
  const tools = fields.objects("tools");
  const functions = fields.objects("functions");
  if (tools.length === 0 && functions.length === 0) return NO_TOOLS;
  const all = tools.map(decodeTool);
  for (const definition of functions) all.push(decodeFunction(definition, definition));
  refuseDuplicates(all);
  return all;
}

const NO_TOOLS: readonly Tool[] = [];

export function decodeToolChoice(fields: Fields): ToolChoice | undefined {
  const choice = fields.raw("tool_choice");
  if (choice === undefined) return decodeFunctionCall(fields);
  if (typeof choice === "string") {
    if (choice === "auto" || choice === "none" || choice === "required") return { mode: choice };
    // Mistral's and older servers' word for it.
    if (choice === "any") return { mode: "required" };
    throw fields.refuse("tool_choice", "none, auto, required or an object naming a tool");
  }
  const object = fields.requiredObject("tool_choice");
  const type = object.requiredString("type");
  if (type === "function" || type === "custom") {
    return { mode: "required", allowed: [object.requiredObject(type).requiredString("name")] };
  }
  if (type !== "allowed_tools") throw object.refuse("type", "function, custom or allowed_tools");
  const subset = object.requiredObject("allowed_tools");
  return {
    mode: subset.oneOf("mode", ["auto", "required"]) ?? "auto",
    allowed: subset.objects("tools").map((tool) => {
      const kind = tool.string("type") === "custom" ? "custom" : "function";
      return tool.requiredObject(kind).requiredString("name");
    }),
  };
}

/** The deprecated `function_call` field. */
function decodeFunctionCall(fields: Fields): ToolChoice | undefined {
  const choice = fields.raw("function_call");
  if (choice === undefined) return undefined;
  if (choice === "auto" || choice === "none") return { mode: choice };
  if (typeof choice === "string") throw fields.refuse("function_call", "none, auto or an object with a name");
  return { mode: "required", allowed: [fields.requiredObject("function_call").requiredString("name")] };
}

function decodeTool(tool: Fields): Tool {
  const type = tool.string("type") ?? "function";
  if (type === "function") return decodeFunction(tool.requiredObject("function"), tool);
  if (type === "custom") return decodeCustom(tool.requiredObject("custom"));
  return { type: "hosted", protocol: "openai-chat", kind: type, value: tool.value };
}

function decodeFunction(definition: Fields, whole: Fields): FunctionTool {
  const name = definition.requiredString("name");
  if (name === "") throw definition.refuse("name", "a name");
  const description = definition.string("description");
  const schema = definition.object("parameters")?.value;
  const strict = definition.boolean("strict");
  const cache = decodeCacheMark(whole);
  return {
    type: "function",
    name,
    ...(description !== undefined && { description }),
    ...(schema && { schema }),
    ...(strict !== undefined && { strict }),
    ...(cache && { cache }),
  };
}

function decodeCustom(definition: Fields): Tool {
  const name = definition.requiredString("name");
  const description = definition.string("description");
  const format = definition.object("format");
  const grammar = format?.string("type") === "grammar" ? format.requiredObject("grammar") : undefined;
  return {
    type: "custom",
    name,
    ...(description !== undefined && { description }),
    ...(grammar && {
      format: {
        syntax: grammar.oneOf("syntax", ["lark", "regex"]) ?? "lark",
        definition: grammar.requiredString("definition"),
      },
    }),
  };
}

/** Two tools of one name could not be told apart in a call. */
function refuseDuplicates(tools: readonly Tool[]): void {
  const seen = new Set<string>();
  for (const [index, tool] of tools.entries()) {
    if (tool.type === "hosted") continue;
    if (seen.has(tool.name)) throw badRequest(`tools[${index}]`, "a name no other tool has");
    seen.add(tool.name);
  }
}
