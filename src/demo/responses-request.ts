/** Reads OpenAI Responses requests: items, call ids and reasoning items as strictly as OpenAI does. */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import type { Conversation, House, Item, Role, Tool } from "./conversation.ts";
import { BOUND_TO_TEXT, bindCall, signThought } from "./opaque-blob.ts";
import {
  invalid,
  readArguments,
  readCount,
  readDataUrl,
  requireArray,
  requireObject,
  requireString,
} from "./read-fields.ts";
import { VendorError } from "./vendor-error.ts";
import { checkResponsesLimits } from "./vendor-limits.ts";

interface ReadOptions {
  readonly house: House;
  readonly checksBlobs: boolean;
}

export function readResponsesRequest(body: JsonObject, options: ReadOptions): Conversation {
  if (typeof body.previous_response_id === "string") {
    throw new VendorError("invalid", `Previous response with id '${body.previous_response_id}' not found.`, {
      param: "previous_response_id",
      code: "previous_response_not_found",
    });
  }
  const items = readInputItems(body);
  checkCallPairs(items);
  checkResponsesLimits(body);
  const instructions = asString(body.instructions);
  const format = asObject(asObject(body.text)?.format);
  const toolChoice = asObject(body.tool_choice);
  const forcedTool = toolChoice?.type === "allowed_tools" ? undefined : asString(toolChoice?.name);
  const outputTokensMax = readCount(body, "max_output_tokens");
  return {
    api: "responses",
    house: options.house,
    model: requireString(body, "model"),
    isStream: body.stream === true,
    items: [
      ...(instructions === undefined ? [] : [{ kind: "text", role: "system", text: instructions } as const]),
      ...items.flatMap(readItem),
    ],
    tools: asArray(body.tools).flatMap(readTool),
    mayCall: body.tool_choice !== "none",
    ...(forcedTool !== undefined && { forcedTool }),
    mayCallParallel: body.parallel_tool_calls !== false,
    ...(format?.type === "json_object" && { schema: {} }),
    ...(format?.type === "json_schema" && { schema: requireObject(format.schema, "text.format.schema") }),
    ...(outputTokensMax !== undefined && { outputTokensMax }),
    stopSequences: [],
    cache: typeof body.prompt_cache_key === "string" ? "short" : "none",
    wantsStreamUsage: true,
    wantsThoughts: typeof asObject(body.reasoning)?.summary === "string",
    blobsSeen: options.checksBlobs ? countBlobs(items) : 0,
  };
}

function readInputItems(body: JsonObject): readonly JsonObject[] {
  if (typeof body.input === "string") return [{ type: "message", role: "user", content: body.input }];
  return requireArray(body, "input").map((item, index) => requireObject(item, `input[${index}]`));
}

/** Only tools the client runs; hosted ones mean nothing to the demo. A namespace holds more tools. */
function readTool(value: Json, index: number): readonly Tool[] {
  const tool = requireObject(value, `tools[${index}]`);
  switch (asString(tool.type) ?? "") {
    case "function": {
      const schema = asObject(tool.parameters) ?? { type: "object", properties: {} };
      return [{ name: requireString(tool, "name", `tools[${index}].name`), schema, isFreeText: false }];
    }
    case "custom":
      return [{ name: requireString(tool, "name", `tools[${index}].name`), schema: {}, isFreeText: true }];
    default:
      return [];
  }
}

const ROLES: Readonly<Record<string, Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
};

function readItem(item: JsonObject, index: number): readonly Item[] {
  switch (asString(item.type) ?? "message") {
    case "message":
      return readMessage(item, index);
    case "function_call":
    case "custom_tool_call": {
      const isFreeText = item.type === "custom_tool_call";
      const text = requireString(item, isFreeText ? "input" : "arguments");
      const id = requireString(item, "call_id");
      return [
        {
          kind: "call",
          id,
          name: requireString(item, "name"),
          input: isFreeText ? text : readArguments(text),
        },
      ];
    }
    case "function_call_output":
    case "custom_tool_call_output":
      return readOutput(item, index);
    default:
      // Reasoning is checked apart; hosted tools' items mean nothing to the demo.
      return [];
  }
}

function readMessage(item: JsonObject, index: number): readonly Item[] {
  const role = lookUp(ROLES, asString(item.role));
  if (role === undefined) throw invalid(`input[${index}].role`, "not a known role");
  if (typeof item.content === "string") return [{ kind: "text", role, text: item.content }];
  return requireArray(item, "content").map((part, at) =>
    readPart(requireObject(part, `input[${index}].content[${at}]`), role),
  );
}

function readOutput(item: JsonObject, index: number): readonly Item[] {
  const callId = requireString(item, "call_id", `input[${index}].call_id`);
  if (typeof item.output === "string") return [{ kind: "result", callId, text: item.output }];
  const parts = asArray(item.output).map((part, at) =>
    readPart(requireObject(part, `input[${index}].output[${at}]`), "user"),
  );
  const text = parts.map((part) => (part.kind === "text" ? part.text : `[${part.kind}]`)).join("");
  return [{ kind: "result", callId, text }, ...parts.filter((part) => part.kind === "media")];
}

function readPart(part: JsonObject, role: Role): Item {
  switch (asString(part.type) ?? "") {
    case "input_text":
    case "output_text":
      return { kind: "text", role, text: requireString(part, "text") };
    case "refusal":
      return { kind: "text", role, text: requireString(part, "refusal") };
    case "input_image":
      return readUrl("image", asString(part.image_url) ?? asString(part.file_id) ?? "");
    case "input_file": {
      const title = asString(part.filename);
      const url = asString(part.file_data) ?? asString(part.file_url) ?? asString(part.file_id) ?? "";
      return { ...readUrl("document", url), ...(title !== undefined && { title }) };
    }
    case "input_audio": {
      const audio = requireObject(part.input_audio, "input_audio");
      const mime = `audio/${requireString(audio, "format", "input_audio.format")}`;
      return { kind: "media", medium: "audio", mime, data: requireString(audio, "data", "input_audio.data") };
    }
    default:
      throw invalid("input.content.type", `'${asString(part.type) ?? ""}' is not supported`);
  }
}

function readUrl(medium: "image" | "document", url: string): Item {
  const inline = readDataUrl(url);
  return inline ? { kind: "media", medium, ...inline } : { kind: "media", medium, url };
}

const CALL_TYPES = new Set(["function_call", "custom_tool_call"]);
const OUTPUT_TYPES = new Set(["function_call_output", "custom_tool_call_output"]);

/** Every call has exactly one output behind it, every output a call before it. */
function checkCallPairs(items: readonly JsonObject[]): void {
  const open = new Set<string>();
  for (const item of items) {
    const type = asString(item.type) ?? "message";
    const callId = asString(item.call_id) ?? "";
    if (CALL_TYPES.has(type)) open.add(callId);
    if (OUTPUT_TYPES.has(type) && !open.delete(callId)) {
      const message = `No tool call found for function call output with call_id ${callId}.`;
      throw new VendorError("invalid", message, { param: "input" });
    }
  }
  const [missing] = open;
  if (missing === undefined) return;
  throw new VendorError("invalid", `No tool output found for function call ${missing}.`, { param: "input" });
}

/** Reasoning stands directly before what it led to, and this demo's calls never without it. */
function countBlobs(items: readonly JsonObject[]): number {
  let seen = 0;
  for (const [index, item] of items.entries()) {
    if (item.type === "reasoning") {
      checkReasoning(item, items[index + 1]);
      seen += 1;
      continue;
    }
    const before = items[index - 1];
    const opensStep =
      item.type === "function_call" && before?.type !== "function_call" && before?.type !== "reasoning";
    if (opensStep && (asString(item.id) ?? "").startsWith("fc_")) {
      const message = `Item '${asString(item.id) ?? ""}' of type 'function_call' was provided without its required 'reasoning' item.`;
      throw new VendorError("invalid", message, { param: "input" });
    }
  }
  return seen;
}

function checkReasoning(item: JsonObject, next: JsonObject | undefined): void {
  const id = asString(item.id) ?? "rs";
  const isMessage = next?.role === "assistant";
  if (!isMessage && !CALL_TYPES.has(asString(next?.type) ?? "")) {
    const message = `Item '${id}' of type 'reasoning' was provided without its required following item.`;
    throw new VendorError("invalid", message, { param: "input" });
  }
  const given = item.encrypted_content;
  if (typeof given !== "string") {
    const message = `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false.`;
    throw new VendorError("invalid", message, { param: "input" });
  }
  const boundTo = isMessage
    ? BOUND_TO_TEXT
    : bindCall(asString(next?.name) ?? "", readArguments(asString(next?.arguments ?? next?.input) ?? ""));
  if (given === signThought({ api: "responses", text: "", boundTo })) return;
  throw new VendorError("invalid", `The encrypted content for item ${id} could not be verified.`, {
    code: "invalid_encrypted_content",
  });
}
