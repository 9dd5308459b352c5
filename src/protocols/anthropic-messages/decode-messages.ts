/**
 * A caller's `messages` to canonical turns, as sent: nothing is merged or reordered here.
 *
 * Reasoning comes back from clients as opaque text. Bare text is Anthropic's own; what `Envelope.seal` wrapped is
 * opened, so that every blob has its origin; what looks sealed and does not open is dropped, because nobody could
 * say where it may go. A sealed blob that belongs to a call or a text stands beside it (opaque-state.ts).
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { AssistantPart, Citation, SystemPart, ToolCallPart, ToolResultPart, Turn } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeCitation } from "./citation.ts";
import { cacheOf, decodeTextBlock, decodeUserBlock, decodeUserContent } from "./decode-content.ts";
import {
  badField,
  fieldOf,
  optionalArray,
  optionalBoolean,
  optionalString,
  requiredObject,
  requiredString,
} from "./field.ts";
import { attachOpaque, decodeOpaque, type LooseOpaque } from "./opaque-state.ts";

type Unseal = RequestLine["unseal"];

interface Conversation {
  /** System messages before the first turn. */
  readonly system: readonly SystemPart[];
  readonly turns: readonly Turn[];
}

export function decodeMessages(body: JsonObject, unseal: Unseal): Conversation {
  const messages = optionalArray(fieldOf(body, "messages"), "messages");
  if (messages === undefined) throw badField("messages", "is required");
  if (messages.length === 0) throw badField("messages", "must hold at least one message");
  const toolNames = new Map<string, string>();
  const system: SystemPart[] = [];
  const turns: Turn[] = [];
  for (const [index, entry] of messages.entries()) {
    const path = `messages[${index}]`;
    const turn = decodeMessage(requiredObject(entry, path), path, { unseal, toolNames });
    if (turn.side === "system" && turns.length === 0) system.push(...turn.parts);
    else turns.push(turn);
  }
  return { system, turns };
}

interface Context {
  readonly unseal: Unseal;
  /** Names of the calls seen so far, by id: other APIs want the name on the result. */
  readonly toolNames: Map<string, string>;
}

function decodeMessage(message: JsonObject, path: string, context: Context): Turn {
  const role = requiredString(fieldOf(message, "role"), `${path}.role`);
  const content = fieldOf(message, "content");
  if (content === undefined) throw badField(`${path}.content`, "is required");
  if (typeof content !== "string") optionalArray(content, `${path}.content`);
  switch (role) {
    case "user":
      return { side: "user", parts: decodeUserTurn(content, `${path}.content`, context) };
    case "assistant":
      return { side: "assistant", parts: decodeAssistantTurn(content, `${path}.content`, context) };
    case "system":
      return decodeSystemTurn(message, content, path);
    default:
      throw badField(`${path}.role`, "must be user, assistant or system");
  }
}

function decodeUserTurn(content: Json, path: string, context: Context): (ToolResultPart | UserTurnPart)[] {
  if (!Array.isArray(content)) return [...decodeUserContent(content, path)];
  return content.map((entry: Json, index) => {
    const isResult = isObject(entry) && entry["type"] === "tool_result";
    return isResult
      ? decodeToolResult(entry, `${path}[${index}]`, context)
      : decodeUserBlock(entry, `${path}[${index}]`);
  });
}
type UserTurnPart = ReturnType<typeof decodeUserBlock>;

function decodeToolResult(block: JsonObject, path: string, context: Context): ToolResultPart {
  const callId = requiredString(fieldOf(block, "tool_use_id"), `${path}.tool_use_id`);
  const isError = optionalBoolean(fieldOf(block, "is_error"), `${path}.is_error`);
  const name = context.toolNames.get(callId);
  return {
    type: "tool_result",
    callId,
    ...(name !== undefined && { name }),
    content: decodeUserContent(fieldOf(block, "content"), `${path}.content`),
    ...(isError !== undefined && { isError }),
    ...cacheOf(block, path),
  };
}

/**
 * Text only, in canonical words. A system message with other blocks (`tool_addition`) is known to this API alone and
 * travels whole as an unknown part.
 */
function decodeSystemTurn(message: JsonObject, content: Json, path: string): Turn {
  if (typeof content === "string") return { side: "system", parts: [{ text: content, role: "system" }] };
  const blocks = optionalArray(content, `${path}.content`) ?? [];
  const isText = blocks.every((block) => isObject(block) && block["type"] === "text");
  if (!isText) {
    const part = { type: "unknown", protocol: "anthropic-messages", value: message, path } as const;
    return { side: "user", parts: [part] };
  }
  const parts = blocks.map((entry, index): SystemPart => {
    const blockPath = `${path}.content[${index}]`;
    return { ...decodeTextBlock(requiredObject(entry, blockPath), blockPath), role: "system" };
  });
  return { side: "system", parts };
}

function decodeAssistantTurn(content: Json, path: string, context: Context): readonly AssistantPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  const blocks = optionalArray(content, path) ?? [];
  const parts: (AssistantPart | LooseOpaque)[] = [];
  for (const [index, entry] of blocks.entries()) {
    const blockPath = `${path}[${index}]`;
    const part = decodeAssistantBlock(requiredObject(entry, blockPath), blockPath, context);
    if (part !== undefined) parts.push(part);
  }
  return attachOpaque(parts);
}

/** Undefined for a sealed blob that does not open. */
function decodeAssistantBlock(
  block: JsonObject,
  path: string,
  context: Context,
): AssistantPart | LooseOpaque | undefined {
  const type = requiredString(fieldOf(block, "type"), `${path}.type`);
  switch (type) {
    case "text":
      return { type: "text", ...decodeTextBlock(block, path), ...decodeCitations(block, path) };
    case "thinking": {
      const text = requiredString(fieldOf(block, "thinking"), `${path}.thinking`);
      const signature = optionalString(fieldOf(block, "signature"), `${path}.signature`) ?? "";
      return decodeOpaque({ text, data: signature, isRedacted: false }, context.unseal);
    }
    case "redacted_thinking": {
      const data = requiredString(fieldOf(block, "data"), `${path}.data`);
      return decodeOpaque({ text: "", data, isRedacted: true }, context.unseal);
    }
    case "tool_use":
      return decodeToolUse(block, path, context);
    default:
      return { type: "hosted", protocol: "anthropic-messages", value: block };
  }
}

function decodeToolUse(block: JsonObject, path: string, context: Context): ToolCallPart & AssistantPart {
  const id = requiredString(fieldOf(block, "id"), `${path}.id`);
  const name = requiredString(fieldOf(block, "name"), `${path}.name`);
  const input = requiredObject(block["input"], `${path}.input`);
  context.toolNames.set(id, name);
  return {
    type: "tool_call",
    id,
    name,
    argumentsText: JSON.stringify(input),
    ...callExtras(block),
    ...cacheOf(block, path),
  };
}

/** What a call carries beside id, name and input, for a hop back to this API. */
export function callExtras(block: JsonObject): Pick<ToolCallPart, "raw"> {
  const { type: _, id: __, name: ___, input: ____, cache_control: _____, ...value } = block;
  return Object.keys(value).length === 0 ? {} : { raw: { protocol: "anthropic-messages", value } };
}

function decodeCitations(block: JsonObject, path: string): { readonly citations?: readonly Citation[] } {
  const citations = optionalArray(fieldOf(block, "citations"), `${path}.citations`);
  if (citations === undefined || citations.length === 0) return {};
  return {
    citations: citations.map((entry, index) =>
      decodeCitation(requiredObject(entry, `${path}.citations[${index}]`)),
    ),
  };
}
