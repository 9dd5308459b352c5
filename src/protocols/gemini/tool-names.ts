/**
 * Tool names both ways. Gemini takes a letter or `_` first, then letters, digits and `_.:-`, up to a length; anything
 * else is rewritten the same way every time, so that history and calls agree without memory. Decoders get the caller's
 * own name (and whether it is a custom tool) back from the request.
 */
import type { Chat, Tool } from "#model/chat.ts";

export interface CallName {
  readonly name: string;
  readonly namespace?: string;
  readonly custom?: boolean;
}

/** The name on the wire, deterministic: rewritten names carry a hash of the original, so two never collide. */
export function toWireName(
  tool: { readonly name: string; readonly namespace?: string },
  charsMax: number,
): string {
  const full = tool.namespace === undefined ? tool.name : `${tool.namespace}__${tool.name}`;
  const cleaned = full.replaceAll(/[^A-Za-z0-9_.:-]/g, "_").replace(/^(?![A-Za-z_])/, "_");
  if (cleaned === full && full.length <= charsMax) return full;
  const mark = `_${Bun.hash(full).toString(36).slice(0, 8)}`;
  return cleaned.slice(0, charsMax - mark.length) + mark;
}

/** The caller's tool behind a wire name. A name nobody declared (models invent some) is passed as it is. */
export function createNameReader(chat: Chat | undefined, charsMax: number): (wireName: string) => CallName {
  const known = new Map((chat?.tools ?? []).flatMap((tool) => nameEntry(tool, charsMax)));
  return (wireName) => known.get(wireName) ?? { name: wireName };
}

function nameEntry(tool: Tool, charsMax: number): readonly [string, CallName][] {
  switch (tool.type) {
    case "hosted":
      return [];
    case "custom":
      return [[toWireName(tool, charsMax), { name: tool.name, custom: true }]];
    case "function": {
      const namespace = tool.namespace !== undefined && { namespace: tool.namespace };
      return [[toWireName(tool, charsMax), { name: tool.name, ...namespace }]];
    }
  }
}
