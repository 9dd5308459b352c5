/** Reasoning parts of one item, as an input item the chosen upstream can open. */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { AssistantPart, Opaque, ReasoningPart } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";

type Part = Extract<AssistantPart, ReasoningPart>;

/** Undefined where nothing of it may go there. `isStored`: the caller keeps items at the provider, ids are valid. */
export function encodeReasoning(
  run: readonly Part[],
  dialect: Dialect,
  isStored: boolean,
): JsonObject | undefined {
  const signature = run.findLast((part) => part.signature !== undefined)?.signature;
  const id = run[0]?.id;
  const item: MutableJsonObject = { type: "reasoning", summary: textsOf(run, "summary", "summary_text") };
  const content = textsOf(run, "raw", "reasoning_text");
  if (content.length > 0) item["content"] = content;
  if (isStored && id !== undefined) item["id"] = id;
  if (signature === undefined || signature.kind === "unsigned") {
    if (isStored && id !== undefined) return item;
    // Open-weight servers take their own plain thoughts back; OpenAI wants its encrypted ones.
    return dialect.vendor !== "openai" && content.length > 0 ? item : undefined;
  }
  if (!opensHere(signature, dialect)) return undefined;
  if (signature.kind === "openai_encrypted") return { ...item, encrypted_content: signature.data };
  return { ...item, signature: signature.data, format: "anthropic-claude-v1" };
}

/** State is bound to its maker, and where the route is known, to the account it was made with. */
function opensHere(opaque: Opaque, dialect: Dialect): boolean {
  if (opaque.vendor !== dialect.vendor) return false;
  if (opaque.kind === "anthropic_signature") return dialect.host === "openrouter";
  if (opaque.kind !== "openai_encrypted") return false;
  return opaque.route === undefined || opaque.route === dialect.route;
}

function textsOf(run: readonly Part[], kind: Part["kind"], type: string): readonly JsonObject[] {
  const parts = run.filter((part) => part.kind === kind && part.text !== undefined);
  return parts.map((part) => ({ type, text: part.text }));
}
