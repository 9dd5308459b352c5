/**
 * A reasoning item of the request to reasoning parts: one part for each summary and each raw text, all with the
 * item's id, the opaque state on the last. Bare state is OpenAI's own; sealed state tells its origin itself.
 */
import type { AssistantPart, Opaque } from "#model/chat.ts";
import type { Fields } from "./fields.ts";

/** What a client hands back: reasoning, or state that belongs to the call or text beside it. */
export type DecodedReasoning =
  | { readonly type: "reasoning"; readonly parts: readonly AssistantPart[] }
  | { readonly type: "carried"; readonly opaque: Opaque; readonly to: "next" | "previous" };

/**
 * Google signs calls and texts, and this API has no place for that: the reply writer puts the signature into a
 * reasoning item of its own, before its part or, where it came late, behind it, and marks the latter in the id.
 */
export const CARRIED_BACK_SUFFIX = "_prev";

export function decodeReasoning(
  item: Fields,
  unseal: (text: string) => Opaque | undefined,
): DecodedReasoning {
  const id = item.string("id");
  const encrypted = item.string("encrypted_content") || undefined;
  const signature =
    encrypted === undefined
      ? undefined
      : (unseal(encrypted) ?? ({ kind: "openai_encrypted", vendor: "openai", data: encrypted } as const));
  const texts = [
    ...item
      .children("summary")
      .map((part) => ({ kind: "summary", text: part.requiredString("text") }) as const),
    ...item.children("content").map((part) => ({ kind: "raw", text: part.requiredString("text") }) as const),
  ];
  if (texts.length === 0 && signature?.kind === "google_thought_signature") {
    const to = id?.endsWith(CARRIED_BACK_SUFFIX) ? "previous" : "next";
    return { type: "carried", opaque: signature, to };
  }
  const shared = { type: "reasoning", ...(id !== undefined && { id }) } as const;
  if (texts.length === 0) {
    const kind = emptyKind(signature);
    return { type: "reasoning", parts: [{ ...shared, kind, ...(signature && { signature }) }] };
  }
  const last = texts.length - 1;
  const parts = texts.map((text, index) => ({
    ...shared,
    ...text,
    ...(index === last && signature && { signature }),
  }));
  return { type: "reasoning", parts };
}

/** Anthropic's thinking may come without its text and is still a signed thought, not a redacted one. */
function emptyKind(signature: Opaque | undefined): "summary" | "raw" | "redacted" {
  if (signature === undefined) return "summary";
  return signature.kind === "anthropic_signature" ? "raw" : "redacted";
}
