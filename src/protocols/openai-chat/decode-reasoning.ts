/**
 * The reasoning an assistant message hands back: `reasoning_details`, or plain `reasoning_content` / `reasoning`.
 * They say the same thing twice, so text is taken from the details where they have any, else from the plain field.
 */
import type { Opaque, ReasoningPart } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import type { Fields } from "./fields.ts";
import { parseDetail, type Detail } from "./reasoning-details.ts";

export interface DecodedReasoning {
  readonly parts: readonly (ReasoningPart & { readonly signature?: Opaque })[];
  /** Signatures that belong to tool calls, by call id. */
  readonly signatures: ReadonlyMap<string, Opaque>;
}

export function decodeReasoningParts(message: Fields, line: RequestLine): DecodedReasoning {
  const callIds = new Set(message.objects("tool_calls").map((call) => call.string("id")));
  const signatures = new Map<string, Opaque>();
  const parts: (ReasoningPart & { signature?: Opaque })[] = [];
  let hasText = false;
  for (const value of message.array("reasoning_details") ?? []) {
    const detail = parseDetail(value, { unseal: line.unseal });
    if (!detail) continue;
    if (detail.opaque && detail.id !== undefined && callIds.has(detail.id)) {
      signatures.set(detail.id, detail.opaque);
      continue;
    }
    hasText ||= detail.text !== undefined;
    addDetail(parts, detail);
  }
  const plain = message.string("reasoning_content") ?? message.string("reasoning");
  if (hasText || !plain) return { parts, signatures };
  return { parts: [{ type: "reasoning", kind: "raw", text: plain }, ...parts], signatures };
}

/** A summary and the encrypted state that follows it are one item at their maker's. */
function addDetail(parts: (ReasoningPart & { signature?: Opaque })[], detail: Detail): void {
  const last = parts.at(-1);
  const closes = detail.kind === "redacted" && last?.kind === "summary" && !last.signature;
  if (last && closes && detail.opaque?.kind === "openai_encrypted") {
    parts[parts.length - 1] = {
      ...last,
      ...(detail.id !== undefined && { id: detail.id }),
      signature: detail.opaque,
    };
    return;
  }
  parts.push({
    type: "reasoning",
    kind: detail.kind,
    ...(detail.text !== undefined && { text: detail.text }),
    ...(detail.id !== undefined && { id: detail.id }),
    ...(detail.opaque && { signature: detail.opaque }),
  });
}
