/** Reads OpenAI Chat Completions requests, as strict about ids and order as OpenAI is. */
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import type { Conversation, House, Item, Role, Tool } from "./conversation.ts";
import { BOUND_TO_TEXT, bindCall, signThought } from "./opaque-blob.ts";
import {
  invalid,
  readArguments,
  readCount,
  readDataUrl,
  readStrings,
  requireArray,
  requireObject,
  requireString,
} from "./read-fields.ts";
import { VendorError } from "./vendor-error.ts";
import { checkChatLimits } from "./vendor-limits.ts";

interface ReadOptions {
  readonly house: House;
  /** The model signs its thoughts and wants them back. */
  readonly checksBlobs: boolean;
}

export function readChatRequest(body: JsonObject, options: ReadOptions): Conversation {
  const messages = requireArray(body, "messages").map((message, index) =>
    requireObject(message, `messages[${index}]`),
  );
  if (messages.length === 0) throw invalid("messages", "at least one message is required");
  checkToolOrder(messages);
  checkChatLimits(body);
  const format = asObject(body.response_format);
  const toolChoice = asObject(body.tool_choice);
  const forcedTool = asString(asObject(toolChoice?.function ?? toolChoice?.custom)?.name);
  const outputTokensMax = readCount(body, "max_completion_tokens") ?? readCount(body, "max_tokens");
  return {
    api: "chat",
    house: options.house,
    model: requireString(body, "model"),
    isStream: body.stream === true,
    items: messages.flatMap(readMessage),
    tools: asArray(body.tools).flatMap(readTool),
    mayCall: body.tool_choice !== "none",
    ...(forcedTool !== undefined && { forcedTool }),
    mayCallParallel: body.parallel_tool_calls !== false,
    ...(format?.type === "json_object" && { schema: {} }),
    ...(format?.type === "json_schema" && {
      schema: requireObject(asObject(format.json_schema)?.schema ?? {}, "response_format.json_schema.schema"),
    }),
    ...(outputTokensMax !== undefined && { outputTokensMax }),
    stopSequences: readStrings(body.stop),
    cache: readCache(body),
    wantsStreamUsage: options.house === "openrouter" || asObject(body.stream_options)?.include_usage === true,
    wantsThoughts: true,
    blobsSeen: options.checksBlobs ? countBlobs(messages, options.house, isThinkingOff(body)) : 0,
  };
}

function readCache(body: JsonObject): Conversation["cache"] {
  const isAsked =
    typeof body.prompt_cache_key === "string" || JSON.stringify(body.messages).includes('"cache_control"');
  return isAsked ? "short" : "none";
}

/** Tools a server runs itself, such as OpenRouter's, mean nothing to the demo. */
function readTool(value: Json, index: number): readonly Tool[] {
  const tool = requireObject(value, `tools[${index}]`);
  if (tool.type === "custom") {
    const custom = requireObject(tool.custom, `tools[${index}].custom`);
    return [{ name: requireString(custom, "name"), schema: {}, isFreeText: true }];
  }
  if (tool.type !== "function") return [];
  const declaration = requireObject(tool.function, `tools[${index}].function`);
  const schema = asObject(declaration.parameters) ?? { type: "object", properties: {} };
  return [
    { name: requireString(declaration, "name", `tools[${index}].function.name`), schema, isFreeText: false },
  ];
}

const ROLES: Readonly<Record<string, Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
};

function readMessage(message: JsonObject, index: number): readonly Item[] {
  if (message.role === "tool") {
    return [
      { kind: "result", callId: requireString(message, "tool_call_id"), text: readText(message.content) },
    ];
  }
  const role = lookUp(ROLES, asString(message.role));
  if (role === undefined) throw invalid(`messages[${index}].role`, "not a known role");
  const calls = asArray(message.tool_calls).map((call) =>
    readCall(requireObject(call, `messages[${index}]`)),
  );
  if (message.content === undefined && role !== "assistant") {
    throw invalid(`messages[${index}].content`, "content is required");
  }
  return [...readContent(message.content, role, index), ...calls];
}

function readCall(call: JsonObject): Item {
  if (call.type === "custom") {
    const custom = requireObject(call.custom, "tool_calls.custom");
    return {
      kind: "call",
      id: requireString(call, "id"),
      name: requireString(custom, "name"),
      input: custom.input ?? "",
    };
  }
  const target = requireObject(call.function, "tool_calls.function");
  const input = readArguments(requireString(target, "arguments", "tool_calls.function.arguments"));
  return { kind: "call", id: requireString(call, "id"), name: requireString(target, "name"), input };
}

function readText(content: Json | undefined): string {
  if (typeof content === "string") return content;
  return asArray(content)
    .map((part) => asString(asObject(part)?.text) ?? "")
    .join("");
}

function readContent(content: Json | undefined, role: Role, index: number): readonly Item[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ kind: "text", role, text: content }];
  if (!Array.isArray(content))
    throw invalid(`messages[${index}].content`, "a string or an array is required");
  return content.map((part, at) => readPart(requireObject(part, `messages[${index}].content[${at}]`), role));
}

function readPart(part: JsonObject, role: Role): Item {
  switch (asString(part.type) ?? "") {
    case "text":
      return { kind: "text", role, text: requireString(part, "text") };
    case "refusal":
      return { kind: "text", role, text: requireString(part, "refusal") };
    case "image_url":
      return readUrl(
        "image",
        requireString(requireObject(part.image_url, "image_url"), "url", "image_url.url"),
      );
    case "file_url":
      return readUrl(
        "document",
        requireString(requireObject(part.file_url, "file_url"), "url", "file_url.url"),
      );
    case "thinking":
      // Mistral's own thoughts, sent back.
      return { kind: "text", role: "assistant", text: "" };
    case "video_url":
      return readUrl(
        "video",
        requireString(requireObject(part.video_url, "video_url"), "url", "video_url.url"),
      );
    case "input_audio": {
      const audio = requireObject(part.input_audio, "input_audio");
      const mime = `audio/${requireString(audio, "format", "input_audio.format")}`;
      return { kind: "media", medium: "audio", mime, data: requireString(audio, "data", "input_audio.data") };
    }
    case "file": {
      const file = requireObject(part.file, "file");
      const title = asString(file.filename);
      return {
        ...readUrl("document", asString(file.file_data) ?? ""),
        ...(title !== undefined && { title }),
      };
    }
    default:
      throw invalid("messages.content.type", `'${asString(part.type) ?? ""}' is not supported`);
  }
}

function readUrl(medium: "image" | "video" | "document", url: string): Item {
  const inline = readDataUrl(url);
  return inline ? { kind: "media", medium, ...inline } : { kind: "media", medium, url };
}

/** Every call is answered by exactly one tool message, before anybody else speaks; no tool message answers nothing. */
function checkToolOrder(messages: readonly JsonObject[]): void {
  const open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      const id = asString(message.tool_call_id) ?? "";
      if (!open.delete(id)) {
        throw new VendorError(
          "invalid",
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          { param: `messages.[${index}].role` },
        );
      }
      continue;
    }
    refuseOpenCalls(open);
    for (const call of asArray(message.tool_calls)) open.add(asString(asObject(call)?.id) ?? "");
  }
  refuseOpenCalls(open);
}

function refuseOpenCalls(open: ReadonlySet<string>): void {
  if (open.size === 0) return;
  throw new VendorError(
    "invalid",
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
    { param: "messages" },
  );
}

/**
 * In a tool loop the assistant's calls must come with the thoughts that led to them: DeepSeek's rule for
 * `reasoning_content` (presence), OpenRouter's for `reasoning_details` (unchanged).
 */
function countBlobs(messages: readonly JsonObject[], house: House, isOff: boolean): number {
  const loopStart = messages.findLastIndex((message) => message.role === "user");
  let seen = 0;
  for (const [index, message] of messages.entries()) {
    const details = asArray(message.reasoning_details).filter(isObject);
    for (const detail of details) seen += checkDetail(detail, message);
    const hasCalls = asArray(message.tool_calls).length > 0;
    if (index < loopStart || !hasCalls) continue;
    const isComplete =
      house === "openrouter" ? details.length > 0 : typeof message.reasoning_content === "string";
    if (!isComplete && !isOff) {
      const field = house === "openrouter" ? "reasoning_details" : "reasoning_content";
      throw new VendorError(
        "invalid",
        `Missing \`${field}\` field in the assistant message at index ${index}.`,
      );
    }
    if (house !== "openrouter" && isComplete) seen += 1;
  }
  return seen;
}

/** In OpenRouter's words. */
function isThinkingOff(body: JsonObject): boolean {
  const reasoning = asObject(body.reasoning);
  return reasoning?.enabled === false || reasoning?.effort === "none";
}

function checkDetail(detail: JsonObject, message: JsonObject): number {
  if (typeof detail.signature !== "string") return 0;
  const first = asObject(asArray(message.tool_calls)[0]);
  const target = asObject(first?.function);
  const boundTo = target
    ? bindCall(asString(target.name) ?? "", readArguments(asString(target.arguments) ?? ""))
    : BOUND_TO_TEXT;
  if (detail.signature === signThought({ api: "chat", text: asString(detail.text) ?? "", boundTo })) return 1;
  throw new VendorError("invalid", "Provider returned error: Invalid `signature` in `reasoning_details`.");
}
