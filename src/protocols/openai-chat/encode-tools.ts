/** Tools and the choice among them. */
import type { JsonObject } from "#lib/json.ts";
import { needsHostedTool, type Chat, type FunctionTool, type Tool } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { wrapCustomTool } from "./custom-input.ts";
import { quirksOf, type Quirks } from "./dialects.ts";
import { encodeCacheMark } from "./encode-parts.ts";
import { unsupported } from "./unsupported.ts";
import { toWireName } from "./wire-names.ts";

export function encodeTools(chat: Chat, dialect: Dialect, dropped: Set<string>): JsonObject {
  const quirks = quirksOf(dialect);
  const { toolChoice, parallelToolCalls } = chat;
  const subset = toolChoice?.allowed;
  const isForced = toolChoice?.mode === "required" && subset?.length === 1;
  // Hosts without `allowed_tools` get only the allowed ones.
  const isCut = subset !== undefined && !isForced && !quirks.takes.has("allowed_tools");
  const offered = isCut
    ? chat.tools.filter((tool) => tool.type === "hosted" || subset.includes(tool.name))
    : chat.tools;
  if (offered.length === 0) return {};
  const takesParallel = quirks.takes.has("parallel_tool_calls");
  if (parallelToolCalls !== undefined && !takesParallel) dropped.add("parallel_tool_calls");
  const isCustomKept = quirks.takes.has("custom_tools") || chat.protocol === "openai-chat";
  const tools = offered.flatMap((tool, index) =>
    encodeTool(tool, { path: `tools[${index}]`, chat, dialect, isCustomKept, dropped }),
  );
  if (tools.length === 0) return {};
  return {
    tools,
    ...encodeChoice(chat, quirks, isCut),
    ...(parallelToolCalls !== undefined && takesParallel && { parallel_tool_calls: parallelToolCalls }),
  };
}

interface Place {
  readonly path: string;
  readonly chat: Chat;
  readonly dialect: Dialect;
  readonly isCustomKept: boolean;
  readonly dropped: Set<string>;
}

function encodeTool(tool: Tool, place: Place): readonly JsonObject[] {
  switch (tool.type) {
    case "function":
      return [encodeFunction(tool, place)];
    case "custom": {
      const name = toWireName(tool.name);
      if (!place.isCustomKept) return [{ type: "function", function: { name, ...wrapCustomTool(tool) } }];
      const format = tool.format && { format: { type: "grammar", grammar: { ...tool.format } } };
      const description = tool.description !== undefined && { description: tool.description };
      return [{ type: "custom", custom: { name, ...description, ...format } }];
    }
    case "hosted":
      if (tool.protocol === "openai-chat" && place.chat.protocol === "openai-chat") return [tool.value];
      if (needsHostedTool(place.chat)) {
        throw unsupported(`${place.path} (${tool.kind})`, place.dialect, "has no hosted tool for");
      }
      // Agents offer their vendor's hosted tools with every request; without them they work all the same.
      place.dropped.add(place.path);
      return [];
  }
}

function encodeFunction(tool: FunctionTool, place: Place): JsonObject {
  const { takes } = quirksOf(place.dialect);
  const examples = tool.examples?.length ? `\n\nExamples of arguments: ${JSON.stringify(tool.examples)}` : "";
  const description = `${tool.description ?? ""}${examples}`;
  return {
    type: "function",
    function: {
      name: toWireName(tool.name),
      ...(description !== "" && { description }),
      ...(tool.schema && { parameters: tool.schema }),
      ...(tool.strict !== undefined && takes.has("strict") && { strict: tool.strict }),
    },
    ...(tool.cache && takes.has("cache_control") && encodeCacheMark(tool.cache)),
  };
}

function encodeChoice(chat: Chat, quirks: Quirks, isCut: boolean): JsonObject {
  const choice = chat.toolChoice;
  if (!choice) return {};
  const mode = choice.mode === "required" ? quirks.required : choice.mode;
  if (!choice.allowed || isCut) return { tool_choice: mode };
  const named = choice.allowed.map((name) => nameTool(name, chat, quirks));
  const [only] = named;
  if (choice.mode === "required" && named.length === 1 && only) return { tool_choice: only };
  const allowed = { mode: choice.mode === "required" ? "required" : "auto", tools: named };
  return { tool_choice: { type: "allowed_tools", allowed_tools: allowed } };
}

function nameTool(name: string, chat: Chat, quirks: Quirks): JsonObject {
  const isCustom = chat.tools.some((tool) => tool.type === "custom" && tool.name === name);
  const isKept = quirks.takes.has("custom_tools") || chat.protocol === "openai-chat";
  const kind = isCustom && isKept ? "custom" : "function";
  return { type: kind, [kind]: { name: toWireName(name) } };
}
