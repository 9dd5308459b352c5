/**
 * Tool names this wire can carry (`[A-Za-z0-9_-]`, 64 at most) for names it cannot: bad characters become `_` and a
 * hash keeps two such names apart. The same name always gets the same stand-in, so histories and prompt caches hold;
 * the way back goes over the tools of the request that is being answered.
 */
import type { Chat } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { quirksOf } from "./dialects.ts";

const NAME_CHARS_MAX = 64;
const HASH_CHARS = 8;

export function toWireName(name: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name;
  const clean = name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, NAME_CHARS_MAX - HASH_CHARS - 1);
  return `${clean}_${shortHash(name)}`;
}

export class WireNames {
  readonly #originals = new Map<string, string>();
  readonly #wrapped = new Set<string>();

  /** For the answer to this request. */
  static of(dialect: Dialect, chat: Chat | undefined): WireNames {
    // A caller of this same API named its tools for it, and sees its upstream's own words.
    return !chat || chat.protocol === "openai-chat" ? SAME_NAMES : new WireNames(dialect, chat);
  }

  constructor(dialect: Dialect, chat: Pick<Chat, "tools">) {
    const hasCustom = quirksOf(dialect).takes.has("custom_tools");
    for (const tool of chat.tools) {
      if (tool.type === "hosted") continue;
      this.#originals.set(toWireName(tool.name), tool.name);
      if (tool.type === "custom" && !hasCustom) this.#wrapped.add(tool.name);
    }
  }

  original(wireName: string): string {
    return this.#originals.get(wireName) ?? wireName;
  }

  /** Whether calls to this tool come back as functions although it takes free text. */
  isWrapped(name: string): boolean {
    return this.#wrapped.has(name);
  }
}

const SAME_NAMES = new WireNames(
  { model: "", vendor: "unknown", route: "", host: "compatible" },
  { tools: [] },
);

/** Ids an upstream would not take (too long, or not Mistral's nine characters) become ones it does, always the same. */
export function toWireCallId(id: string, dialect: Dialect): string {
  const { callIdPattern } = quirksOf(dialect);
  if (callIdPattern.test(id)) return id;
  return dialect.host === "mistral" ? alphanumericHash(id).slice(0, 9) : `call_${alphanumericHash(id)}`;
}

function shortHash(text: string): string {
  return Bun.hash(text).toString(16).padStart(16, "0").slice(0, HASH_CHARS);
}

function alphanumericHash(text: string): string {
  return Bun.hash(text).toString(36).padStart(13, "0").slice(-13);
}
