/**
 * Tool names of callers whose API allows more than `[A-Za-z0-9_-]{1,64}`. The rewrite is a function of the name
 * alone, so that the same history always makes the same body (and finds the provider's prompt cache), and the
 * decoder can take it back from the request beside it.
 */
import type { Chat, Tool, Turn } from "#model/chat.ts";

const LENGTH_MAX = 64;
const HASH_LENGTH = 8;

interface ToolNames {
  /** The request with every name fit to send. The same object where nothing had to change. */
  fit(chat: Chat): Chat;
  /** The caller's name for one the upstream used. */
  restore(name: string): string;
}

export function toolNames(chat: Chat | undefined): ToolNames {
  const original = new Map<string, string>();
  for (const tool of chat?.tools ?? []) {
    if (tool.type === "hosted" || tool.namespace !== undefined || isFit(tool.name)) continue;
    original.set(fitName(tool.name), tool.name);
  }
  return {
    fit: (request) => (original.size === 0 ? request : fitted(request)),
    restore: (name) => original.get(name) ?? name,
  };
}

function fitted(chat: Chat): Chat {
  const allowed = chat.toolChoice?.allowed;
  return {
    ...chat,
    tools: chat.tools.map(fitTool),
    turns: chat.turns.map(fitTurn),
    ...(chat.toolChoice && {
      toolChoice: { ...chat.toolChoice, ...(allowed && { allowed: allowed.map(fitName) }) },
    }),
  };
}

function fitTool(tool: Tool): Tool {
  return tool.type === "hosted" || tool.namespace !== undefined
    ? tool
    : { ...tool, name: fitName(tool.name) };
}

function fitTurn(turn: Turn): Turn {
  if (turn.side !== "assistant") return turn;
  const parts = turn.parts.map((part) =>
    part.type === "tool_call" && part.namespace === undefined ? { ...part, name: fitName(part.name) } : part,
  );
  return { ...turn, parts };
}

function isFit(name: string): boolean {
  return /^[\w-]{1,64}$/.test(name);
}

function fitName(name: string): string {
  if (isFit(name)) return name;
  const plain = name.replaceAll(/[^\w-]/g, "_").slice(0, LENGTH_MAX - HASH_LENGTH - 1);
  return `${plain}_${hash(name)}`;
}

/** FNV-1a: short, and the same in every process. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value.toString(16).padStart(HASH_LENGTH, "0");
}
