/** Reads Anthropic Messages requests, as strict about blocks, ids and order as Anthropic is. */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Conversation, House, Item, Role, Tool } from "./conversation.ts";
import { BOUND_TO_TEXT, bindCall, signThought } from "./opaque-blob.ts";
import { readCount, readStrings, requireArray, requireObject, requireString } from "./read-fields.ts";
import { VendorError } from "./vendor-error.ts";
import { checkAnthropicLimits } from "./vendor-limits.ts";

interface ReadOptions {
  readonly house: House;
  /** In the path on Vertex, in the body elsewhere. */
  readonly model: string;
  /** What the path says; only Vertex says anything. */
  readonly isStream: boolean;
  readonly checksBlobs: boolean;
  /** Counting tokens: no `max_tokens`, no `stream`. */
  readonly isCount: boolean;
}

const CACHE_BREAKPOINTS_MAX = 4;

export function readAnthropicRequest(body: JsonObject, options: ReadOptions): Conversation {
  const messages = requireArray(body, "messages").map((message, index) =>
    requireObject(message, `messages.${index}`),
  );
  const outputTokensMax = readCount(body, "max_tokens");
  checkEnvelope(body, messages, options, outputTokensMax);
  checkToolOrder(messages);
  checkAnthropicLimits(body);
  const system =
    typeof body.system === "string" ? [{ type: "text", text: body.system }] : asArray(body.system);
  const toolChoice = asObject(body.tool_choice);
  const forcedTool = toolChoice?.type === "tool" ? asString(toolChoice.name) : undefined;
  const format = asObject(asObject(body.output_config)?.format) ?? asObject(body.output_format);
  const thinking = asObject(body.thinking);
  return {
    api: "anthropic",
    house: options.house,
    model: options.model,
    isStream: body.stream === true,
    items: [
      ...system.map((block) => readBlock(block, "system", "system")),
      ...messages.flatMap((message, index) => readMessage(message, index)),
    ],
    tools: asArray(body.tools).map(readTool),
    mayCall: toolChoice?.type !== "none",
    ...(forcedTool !== undefined && { forcedTool }),
    mayCallParallel: toolChoice?.disable_parallel_tool_use !== true,
    ...(format?.type === "json_schema" && {
      schema: requireObject(format.schema, "output_config.format.schema"),
    }),
    ...(outputTokensMax !== undefined && { outputTokensMax }),
    stopSequences: readStrings(body.stop_sequences),
    cache: readCache(body),
    wantsStreamUsage: true,
    wantsThoughts: thinking?.display !== "omitted",
    blobsSeen: options.checksBlobs ? countBlobs(messages, thinking?.type === "enabled") : 0,
  };
}

function checkEnvelope(
  body: JsonObject,
  messages: readonly JsonObject[],
  options: ReadOptions,
  outputTokensMax: number | undefined,
): void {
  if (messages.length === 0) throw refuse("messages: at least one message is required");
  if (options.isCount) {
    for (const field of ["max_tokens", "stream"]) {
      if (body[field] !== undefined) throw refuse(`${field}: Extra inputs are not permitted`);
    }
  } else if (outputTokensMax === undefined && options.house !== "openrouter" && options.house !== "clewdr") {
    throw refuse("max_tokens: Field required");
  }
  const first = messages.find((message) => message.role !== "system");
  if (first?.role !== "user") throw refuse('messages: first message must use the "user" role');
  const last = messages.at(-1);
  if (last?.role === "assistant" && typeof last.content === "string" && /\s$/.test(last.content)) {
    throw refuse("messages: final assistant content cannot end with trailing whitespace");
  }
  if (countBreakpoints(body) > CACHE_BREAKPOINTS_MAX) {
    throw refuse(`A maximum of ${CACHE_BREAKPOINTS_MAX} blocks with cache_control may be provided.`);
  }
  if (options.house === "vertex" && !options.isCount) {
    if (typeof body.anthropic_version !== "string") throw refuse("anthropic_version: Field required");
    if (body.stream === true && !options.isStream) throw refuse("stream: use streamRawPredict to stream");
    if (body.model !== undefined) throw refuse("model: Extra inputs are not permitted");
  }
}

function countBreakpoints(body: JsonObject): number {
  const relevant = JSON.stringify([body.cache_control, body.system, body.tools, body.messages]);
  return relevant.split('"type":"ephemeral"').length - 1;
}

function readCache(body: JsonObject): Conversation["cache"] {
  if (countBreakpoints(body) === 0) return "none";
  return JSON.stringify([body.cache_control, body.system, body.tools, body.messages]).includes('"ttl":"1h"')
    ? "hour"
    : "short";
}

function readTool(value: Json, index: number): Tool {
  const tool = requireObject(value, `tools.${index}`);
  const schema = asObject(tool.input_schema);
  const isClientTool = tool.type === undefined || tool.type === "custom";
  if (schema === undefined && isClientTool)
    throw refuse(`tools.${index}.custom.input_schema: Field required`);
  if (schema !== undefined && schema.type !== "object") {
    throw refuse(`tools.${index}.custom.input_schema.type: Input should be 'object'`);
  }
  return {
    name: requireString(tool, "name", `tools.${index}.name`),
    schema: schema ?? {},
    isFreeText: false,
  };
}

function readMessage(message: JsonObject, index: number): readonly Item[] {
  const role = message.role;
  if (role !== "user" && role !== "assistant" && role !== "system") {
    throw refuse(`messages.${index}.role: Input should be 'user' or 'assistant'`);
  }
  if (typeof message.content === "string")
    return [readBlock({ type: "text", text: message.content }, role, "text")];
  return requireArray(message, "content").map((block, at) =>
    readBlock(block, role, `messages.${index}.content.${at}`),
  );
}

const SKIPPED_BLOCK: Item = { kind: "text", role: "system", text: "" };

function readBlock(value: Json, role: Role, path: string): Item {
  const block = requireObject(value, path);
  switch (asString(block.type) ?? "") {
    case "text": {
      const text = requireString(block, "text", `${path}.text`);
      if (text.trim() === "") throw refuse("messages: text content blocks must contain non-whitespace text");
      return { kind: "text", role, text };
    }
    case "image":
      return readSource("image", block, path);
    case "document":
      return readSource("document", block, path);
    case "tool_use": {
      const id = requireString(block, "id", `${path}.tool_use.id`);
      if (!/^[a-zA-Z0-9_-]+$/.test(id)) {
        throw refuse(`${path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
      }
      const input = requireObject(block.input, `${path}.tool_use.input`);
      return { kind: "call", id, name: requireString(block, "name"), input };
    }
    case "tool_result":
      return {
        kind: "result",
        callId: requireString(block, "tool_use_id"),
        text: readResultText(block.content),
      };
    default:
      // Thoughts are checked apart; server tools' blocks mean nothing to the demo.
      return SKIPPED_BLOCK;
  }
}

function readSource(medium: "image" | "document", block: JsonObject, path: string): Item {
  const source = requireObject(block.source, `${path}.source`);
  const title = asString(block.title);
  const head = { kind: "media", medium, ...(title !== undefined && { title }) } as const;
  switch (asString(source.type) ?? "") {
    case "base64":
      return {
        ...head,
        mime: requireString(source, "media_type", `${path}.source.media_type`),
        data: requireString(source, "data", `${path}.source.data`),
      };
    case "text":
      return {
        ...head,
        mime: "text/plain",
        data: Buffer.from(requireString(source, "data")).toString("base64"),
      };
    case "url":
      return { ...head, url: requireString(source, "url", `${path}.source.url`) };
    case "file":
      return { ...head, url: requireString(source, "file_id", `${path}.source.file_id`) };
    case "content":
      return {
        ...head,
        mime: "text/plain",
        data: Buffer.from(readResultText(source.content)).toString("base64"),
      };
    default:
      throw refuse(`${path}.source.type: Input should be 'base64', 'url' or 'file'`);
  }
}

function readResultText(content: Json | undefined): string {
  if (typeof content === "string") return content;
  return asArray(content)
    .map((block) => asString(asObject(block)?.text) ?? `[${asString(asObject(block)?.type) ?? "unknown"}]`)
    .join("");
}

/** Each `tool_use` is answered in the very next message, before any other block, exactly once. */
function checkToolOrder(messages: readonly JsonObject[]): void {
  let open: readonly string[] = [];
  for (const [index, message] of messages.entries()) {
    const blocks = asArray(message.content).map((block) => asObject(block) ?? {});
    const results = blocks
      .filter((block) => block.type === "tool_result")
      .map((block) => asString(block.tool_use_id) ?? "");
    checkResults(results, open, index);
    const others = blocks.findIndex((block) => block.type !== "tool_result");
    if (open.length > 0 && others >= 0 && others < results.length) {
      throw refuse(`messages.${index}: tool_result blocks must come before other content in the message`);
    }
    open = blocks.filter((block) => block.type === "tool_use").map((block) => asString(block.id) ?? "");
    if (new Set(open).size < open.length) throw refuse("messages: `tool_use` ids must be unique");
  }
  checkResults([], open, messages.length);
}

function checkResults(results: readonly string[], open: readonly string[], index: number): void {
  const missing = open.filter((id) => !results.includes(id));
  if (missing.length > 0) {
    throw refuse(
      `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
        `${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    );
  }
  const unknown = results.find((id, at) => !open.includes(id) || results.indexOf(id) !== at);
  if (unknown !== undefined) {
    throw refuse(
      `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unknown}`,
    );
  }
}

/**
 * Thoughts come back as they were, in front of what they led to; with a budget for thinking, calls of the running loop
 * not without them.
 */
function countBlobs(messages: readonly JsonObject[], isDemanded: boolean): number {
  const loopStart = messages.findLastIndex(isPersonSpeaking);
  let seen = 0;
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const blocks = asArray(message.content).map((block) => asObject(block) ?? {});
    const hasCall = blocks.some((block) => block.type === "tool_use");
    const firstType = asString(blocks[0]?.type);
    const hasThought = firstType === "thinking" || firstType === "redacted_thinking";
    if (isDemanded && index > loopStart && hasCall && !hasThought) {
      throw refuse(
        `messages.${index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${firstType}\`. ` +
          "When `thinking` is enabled, a final `assistant` message must start with a thinking block.",
      );
    }
    for (const [at, block] of blocks.entries()) {
      if (block.type !== "thinking") continue;
      checkSignature(block, blocks[at + 1], `messages.${index}.content.${at}`);
      seen += 1;
    }
  }
  return seen;
}

function isPersonSpeaking(message: JsonObject): boolean {
  return (
    message.role === "user" &&
    (typeof message.content === "string" ||
      asArray(message.content).some((block) => asObject(block)?.type !== "tool_result"))
  );
}

function checkSignature(block: JsonObject, next: JsonObject | undefined, path: string): void {
  const boundTo =
    next?.type === "tool_use" ? bindCall(asString(next.name) ?? "", next.input ?? {}) : BOUND_TO_TEXT;
  // Thoughts whose text was withheld come back without it, and are signed without it.
  const expected = signThought({ api: "anthropic", text: asString(block.thinking) ?? "", boundTo });
  if (block.signature !== expected) throw refuse(`${path}: Invalid \`signature\` in \`thinking\` block`);
}

function refuse(message: string): VendorError {
  return new VendorError("invalid", message);
}
