/** A caller's tools and tool choice. A tool type we do not know is hosted or Anthropic's own: it goes on verbatim. */
import type { Json, JsonObject } from "#lib/json.ts";
import type { Chat, FunctionTool, Tool, ToolChoice } from "#model/chat.ts";
import { decodeCacheMark } from "./decode-content.ts";
import {
  badField,
  fieldOf,
  optionalArray,
  optionalBoolean,
  optionalString,
  requiredObject,
  requiredString,
} from "./field.ts";

export function decodeTools(value: Json | undefined): readonly Tool[] {
  const names = new Set<string>();
  return (optionalArray(value, "tools") ?? []).map((entry, index) => {
    const path = `tools[${index}]`;
    const tool = decodeTool(requiredObject(entry, path), path);
    if (tool.type === "function") {
      if (names.has(tool.name)) throw badField(`${path}.name`, "must be unique among the tools");
      names.add(tool.name);
    }
    return tool;
  });
}

function decodeTool(tool: JsonObject, path: string): Tool {
  const kind = optionalString(fieldOf(tool, "type"), `${path}.type`) ?? "custom";
  if (kind !== "custom") return { type: "hosted", protocol: "anthropic-messages", kind, value: tool };
  return decodeFunction(tool, path);
}

function decodeFunction(tool: JsonObject, path: string): FunctionTool {
  const name = requiredString(fieldOf(tool, "name"), `${path}.name`);
  if (name === "") throw badField(`${path}.name`, "must not be empty");
  const description = optionalString(fieldOf(tool, "description"), `${path}.description`);
  const strict = optionalBoolean(fieldOf(tool, "strict"), `${path}.strict`);
  const cache = decodeCacheMark(fieldOf(tool, "cache_control"), `${path}.cache_control`);
  const examples = optionalArray(fieldOf(tool, "input_examples"), `${path}.input_examples`);
  return {
    type: "function",
    name,
    ...(description !== undefined && { description }),
    schema: requiredObject(tool["input_schema"], `${path}.input_schema`),
    ...(strict !== undefined && { strict }),
    ...(cache !== undefined && { cache }),
    ...(examples !== undefined && { examples }),
    raw: { protocol: "anthropic-messages", value: tool },
  };
}

/** `tool_choice`, and with it whether calls may come in parallel. */
export function decodeToolChoice(value: Json | undefined): Pick<Chat, "toolChoice" | "parallelToolCalls"> {
  if (value === undefined) return {};
  const choice = requiredObject(value, "tool_choice");
  const path = "tool_choice.disable_parallel_tool_use";
  const isSerial = optionalBoolean(fieldOf(choice, "disable_parallel_tool_use"), path);
  return {
    toolChoice: decodeChoice(choice),
    ...(isSerial !== undefined && { parallelToolCalls: !isSerial }),
  };
}

function decodeChoice(choice: JsonObject): ToolChoice {
  const type = requiredString(fieldOf(choice, "type"), "tool_choice.type");
  switch (type) {
    case "auto":
      return { mode: "auto" };
    case "any":
      return { mode: "required" };
    case "none":
      return { mode: "none" };
    case "tool":
      return { mode: "required", allowed: [requiredString(fieldOf(choice, "name"), "tool_choice.name")] };
    default:
      throw badField("tool_choice.type", "must be one of auto, any, tool, none");
  }
}
