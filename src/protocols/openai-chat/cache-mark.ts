/** A cache mark on a part, a tool or the body: `cache_control` (OpenRouter) or `prompt_cache_breakpoint` (OpenAI). */
import type { CacheLifetime, CacheMark } from "#model/chat.ts";
import type { Fields } from "./fields.ts";

/** Lifetimes nobody knows count as the provider's default: a mark is a hint, never a reason to refuse. */
export function decodeCacheMark(fields: Fields): CacheMark | undefined {
  const mark = fields.object("cache_control") ?? fields.object("prompt_cache_breakpoint");
  if (!mark) return undefined;
  const ttl = mark.string("ttl");
  const lifetime = LIFETIMES.find((known) => known === ttl);
  return lifetime === undefined ? {} : { lifetime };
}

const LIFETIMES: readonly CacheLifetime[] = ["5m", "30m", "1h", "12h"];
