/**
 * Prompt tokens where nobody counts them for us: an estimate, and to be marked as one. About four bytes of UTF-8 a
 * token for European text and code, and a flat price for media (vendors' own rules differ by model and resolution).
 */
import type { AssistantPart, Chat, ToolResultPart, UserPart } from "./chat.ts";

const BYTES_PER_TOKEN = 4;
const MEDIA_TOKENS = 1500;
/** Role markers and separators around each turn. */
const TURN_TOKENS = 4;

export function estimateTokens(chat: Chat): number {
  const system = chat.system.reduce((sum, part) => sum + textTokens(part.text), 0);
  const tools = chat.tools.reduce((sum, tool) => sum + textTokens(JSON.stringify(tool)), 0);
  const turns = chat.turns.reduce((sum, turn) => {
    const parts: readonly Part[] =
      turn.side === "system" ? turn.parts.map(({ text }) => ({ type: "text", text })) : turn.parts;
    return sum + TURN_TOKENS + parts.reduce((total, part) => total + partTokens(part), 0);
  }, 0);
  return system + tools + turns;
}

type Part = UserPart | ToolResultPart | AssistantPart;

function partTokens(part: Part): number {
  switch (part.type) {
    case "text":
    case "refusal":
      return textTokens(part.text);
    case "reasoning":
      return textTokens(part.text ?? "");
    case "tool_call":
      return textTokens(part.name) + textTokens(part.argumentsText);
    case "tool_result":
      return part.content.reduce((sum, inner) => sum + partTokens(inner), 0);
    case "code":
      return textTokens(part.code);
    case "code_result":
      return textTokens(part.output);
    case "search_result":
      return part.texts.reduce((sum, text) => sum + textTokens(text), textTokens(part.title));
    case "document":
      return documentTokens(part);
    case "image":
    case "audio":
    case "video":
      return MEDIA_TOKENS;
    case "hosted":
    case "unknown":
      return textTokens(JSON.stringify(part.value));
  }
}

function documentTokens(part: Extract<UserPart, { type: "document" }>): number {
  if (part.media?.from === "text") return textTokens(part.media.text);
  if (part.blocks) return part.blocks.reduce((sum, block) => sum + partTokens(block), 0);
  return MEDIA_TOKENS;
}

function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}
