/**
 * Opaque reasoning state between a client of this API and its maker.
 *
 *   Anthropic's own        bare in `thinking.signature` or `redacted_thinking.data`
 *   any other maker's      sealed; with readable text in `thinking.signature`, without in `redacted_thinking.data`
 *   on a call or a text    (Gemini signs those) sealed in a `redacted_thinking` directly before its block, or, where it
 *                          came after the block had begun, behind it with `BELONGS_BEFORE` at the end
 */
import { SEAL_PREFIX } from "#model/seal-prefix.ts";
import type { AssistantPart, Opaque } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";

/** Not in the alphabet of sealed texts. */
const BELONGS_BEFORE = "~";

/** A readable thought nobody signed. */
export const UNSIGNED: Opaque = { kind: "unsigned", vendor: "unknown", data: "" };

/** State that hangs on a neighbouring part. */
export interface LooseOpaque {
  readonly type: "loose_opaque";
  readonly opaque: Opaque;
  readonly belongsBefore: boolean;
}

export function isSealed(text: string): boolean {
  return text.startsWith(SEAL_PREFIX);
}

/** Whether a client of this API may get it bare. */
export function isOwn(opaque: Opaque): boolean {
  return (
    opaque.vendor === "anthropic" &&
    (opaque.kind === "anthropic_signature" || opaque.kind === "anthropic_redacted")
  );
}

/** As clients see it. */
export function encodeOpaque(opaque: Opaque, seal: (opaque: Opaque) => string): string {
  return isOwn(opaque) ? opaque.data : seal(opaque);
}

/** Whether loose state may stand beside such a part: what becomes text here cannot return as what its maker signed. */
export function bearsState(type: AssistantPart["type"]): boolean {
  return type === "text" || type === "tool_call";
}

export function encodeTrailingOpaque(opaque: Opaque, seal: (opaque: Opaque) => string): string {
  return encodeOpaque(opaque, seal) + BELONGS_BEFORE;
}

interface ReasoningBlock {
  readonly text: string;
  readonly data: string;
  readonly isRedacted: boolean;
}

export function decodeOpaque(
  block: ReasoningBlock,
  unseal: RequestLine["unseal"],
): AssistantPart | LooseOpaque | undefined {
  const belongsBefore = block.data.endsWith(BELONGS_BEFORE);
  const opened = unseal(belongsBefore ? block.data.slice(0, -1) : block.data);
  if (opened === undefined && isSealed(block.data)) return undefined;
  if (opened?.kind === "google_thought_signature" && block.text === "") {
    return { type: "loose_opaque", opaque: opened, belongsBefore };
  }
  const signature = opened ?? bareOpaque(block);
  const isRedacted = block.isRedacted && block.text === "";
  return {
    type: "reasoning",
    kind: isRedacted ? "redacted" : "summary",
    ...(block.text !== "" && { text: block.text }),
    signature,
  };
}

function bareOpaque(block: ReasoningBlock): Opaque {
  if (block.isRedacted) return { kind: "anthropic_redacted", vendor: "anthropic", data: block.data };
  if (block.data === "") return UNSIGNED;
  return { kind: "anthropic_signature", vendor: "anthropic", data: block.data };
}

/** Hangs loose state on the part it belongs to; with no such part it stays a reasoning part of its own. */
export function attachOpaque(parts: readonly (AssistantPart | LooseOpaque)[]): readonly AssistantPart[] {
  const attached: AssistantPart[] = [];
  let waiting: Opaque | undefined;
  for (const part of parts) {
    if (part.type !== "loose_opaque") {
      const takes = waiting !== undefined && bearsState(part.type);
      if (waiting !== undefined && !takes) attached.push(standing(waiting));
      attached.push(takes && waiting !== undefined ? { ...part, signature: waiting } : part);
      waiting = undefined;
      continue;
    }
    const last = attached.at(-1);
    if (part.belongsBefore && last !== undefined && bearsState(last.type)) {
      attached[attached.length - 1] = { ...last, signature: part.opaque };
      continue;
    }
    if (waiting !== undefined) attached.push(standing(waiting));
    waiting = part.opaque;
  }
  if (waiting !== undefined) attached.push(standing(waiting));
  return attached;
}

function standing(opaque: Opaque): AssistantPart {
  return { type: "reasoning", kind: "redacted", signature: opaque };
}
