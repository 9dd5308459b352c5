/**
 * An earlier answer of the model, handed back. Its text is one string, its calls one list. Reasoning goes back the way
 * the host wants it, and opaque state only to its maker: state of another vendor, and the thoughts that came with it,
 * are left out and listed, because no model may read another's thoughts as its own.
 */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, PartBase, ToolCallPart, Turn } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { FENCE_CLOSE, fenceOpen, toImageField } from "./answer-fields.ts";
import { wrapCustomInput } from "./custom-input.ts";
import { demandsThoughts, quirksOf } from "./dialects.ts";
import { belongsTo, toDetail } from "./reasoning-details.ts";
import { toWireCallId, toWireName } from "./wire-names.ts";

export type AssistantTurn = Extract<Turn, { side: "assistant" }>;

export interface AssistantPlace {
  readonly chat: Chat;
  readonly dialect: Dialect;
  readonly dropped: Set<string>;
}

/** Undefined where nothing of the turn is left. */
export function encodeAssistant(turn: AssistantTurn, place: AssistantPlace): JsonObject | undefined {
  const { dialect, dropped } = place;
  const text = turn.parts.map((part) => textOf(part, dropped)).join("");
  const refusal = turn.parts.map((part) => (part.type === "refusal" ? part.text : "")).join("");
  const calls = turn.parts.flatMap((part) => (part.type === "tool_call" ? [encodeCall(part, place)] : []));
  const reasoning = encodeReasoning(turn.parts, { dialect, dropped });
  if (turn.parts.some((part) => losesSignature(part, dialect))) dropped.add("messages[].signature");
  const media = encodeMedia(turn.parts, place);
  const thinking = reasoning["thinking"];
  const { thinking: _, ...fields } = reasoning;
  const isEmpty = text === "" && refusal === "" && calls.length === 0 && Object.keys(media).length === 0;
  if (isEmpty && Object.keys(reasoning).length === 0) return undefined;
  return {
    role: "assistant",
    // Several compatible servers refuse null, so it stands only where it must: with calls and no text.
    content:
      thinking === undefined ? contentOf(text, calls.length > 0, dialect) : [thinking, ...textParts(text)],
    ...(refusal !== "" && { refusal }),
    ...fields,
    ...media,
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function contentOf(text: string, hasCalls: boolean, dialect: Dialect): string | null {
  const isNullRead = dialect.host === "openai" || dialect.host === "openrouter";
  return text === "" && hasCalls && isNullRead ? null : text;
}

function textParts(text: string): readonly JsonObject[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function textOf(part: AssistantPart, dropped: Set<string>): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "code":
      return `${fenceOpen(part.language)}${part.code}${FENCE_CLOSE}`;
    case "code_result":
      return `${fenceOpen("")}${part.output}${FENCE_CLOSE}`;
    case "hosted":
      dropped.add("messages[].hosted_tool_blocks");
      return "";
    case "audio":
      // A spoken answer is known by its id at OpenAI; elsewhere by what was said.
      if (part.id === undefined && part.transcript === undefined) dropped.add("messages[].audio");
      return part.id === undefined ? (part.transcript ?? "") : "";
    case "refusal":
    case "reasoning":
    case "tool_call":
    case "image":
      return "";
  }
}

function encodeCall(part: ToolCallPart & PartBase, { chat, dialect }: AssistantPlace): JsonObject {
  const id = toWireCallId(part.id, dialect);
  const name = toWireName(part.name);
  const isKept = quirksOf(dialect).takes.has("custom_tools") || chat.protocol === "openai-chat";
  if (part.custom && isKept) return { id, type: "custom", custom: { name, input: part.argumentsText } };
  const text = part.custom ? wrapCustomInput(part.argumentsText) : part.argumentsText;
  const { signature } = part;
  const signed = signature && isCallState(signature, dialect);
  return {
    id,
    type: "function",
    function: { name, arguments: text.trim() === "" ? "{}" : text },
    ...(signed && { extra_content: { google: { thought_signature: signature.data } } }),
  };
}

/** Google's own servers of this API take the signature beside its call. */
export function isCallState(signature: Opaque, dialect: Dialect): boolean {
  const isGoogle = signature.kind === "google_thought_signature" && dialect.host !== "openrouter";
  return isGoogle && belongsTo(signature, dialect);
}

/** State on a call or a text; that of thoughts, and all of OpenRouter's details, are told with the reasoning. */
function losesSignature(part: AssistantPart, dialect: Dialect): boolean {
  if (part.type === "reasoning" || isUnsigned(part.signature) || !part.signature) return false;
  if (quirksOf(dialect).replay === "details") return false;
  return part.type !== "tool_call" || !isCallState(part.signature, dialect);
}

function encodeMedia(parts: readonly AssistantPart[], { dialect, dropped }: AssistantPlace): JsonObject {
  const fields: MutableJsonObject = {};
  const images = parts.flatMap((part) => (part.type === "image" ? [toImageField(part.media)] : []));
  const known = images.filter((image) => image !== undefined);
  if (images.length > 0 && quirksOf(dialect).takes.has("images")) fields["images"] = known;
  else if (images.length > 0) dropped.add("messages[].images");
  const spoken = parts.find((part) => part.type === "audio" && part.id !== undefined);
  if (spoken?.type !== "audio" || spoken.id === undefined) return fields;
  if (dialect.host === "openai") fields["audio"] = { id: spoken.id };
  else dropped.add("messages[].audio");
  return fields;
}

/** The reasoning fields of one message; `thinking` is Mistral's content part. Also for patching in the native lane. */
export function encodeReasoning(
  parts: readonly AssistantPart[],
  { dialect, dropped }: Pick<AssistantPlace, "dialect" | "dropped">,
): JsonObject {
  const hasCalls = parts.some((part) => part.type === "tool_call");
  switch (quirksOf(dialect).replay) {
    case "details":
      return encodeDetails(parts, { dialect, dropped });
    case "reasoning_content": {
      const text = ownThoughts(parts, dropped);
      if (demandsThoughts(dialect) && hasCalls) return { reasoning_content: text };
      return text === "" ? {} : { reasoning_content: text };
    }
    case "thinking_parts": {
      const text = ownThoughts(parts, dropped);
      return text === "" ? {} : { thinking: { type: "thinking", thinking: [{ type: "text", text }] } };
    }
    case "never":
      if (parts.some((part) => part.type === "reasoning")) dropped.add("messages[].reasoning");
      return {};
  }
}

/** Thoughts that came without a signature: nobody's in particular, so anybody's model may have them back. */
function ownThoughts(parts: readonly AssistantPart[], dropped: Set<string>): string {
  let text = "";
  for (const part of parts) {
    if (part.type !== "reasoning") continue;
    if (isUnsigned(part.signature)) text += part.text ?? "";
    else dropped.add("messages[].reasoning");
  }
  return text;
}

function isUnsigned(signature: Opaque | undefined): boolean {
  return signature === undefined || signature.kind === "unsigned";
}

function encodeDetails(
  parts: readonly AssistantPart[],
  { dialect, dropped }: Pick<AssistantPlace, "dialect" | "dropped">,
): JsonObject {
  const details: JsonObject[] = [];
  let plain = "";
  for (const [position, part] of parts.entries()) {
    const { signature } = part;
    if (isUnsigned(signature)) {
      if (part.type !== "reasoning" || part.text === undefined) continue;
      if (isSummaryOf(parts[position + 1], part, dialect)) details.push(summaryDetail(part.text, dialect));
      else plain += part.text;
      continue;
    }
    if (!signature || !belongsTo(signature, dialect)) {
      dropped.add("messages[].reasoning");
      continue;
    }
    const state =
      part.type === "tool_call"
        ? { kind: "redacted" as const, id: part.id }
        : part.type === "reasoning"
          ? part
          : { kind: "redacted" as const };
    details.push(...toDetail(state, signature, { index: details.length }));
  }
  if (details.length > 0) return { reasoning_details: details };
  if (plain === "") return {};
  // Makers that sign their thoughts refuse unsigned ones.
  if (SIGNING_VENDORS.has(dialect.vendor)) {
    dropped.add("messages[].reasoning");
    return {};
  }
  return { reasoning: plain };
}

const SIGNING_VENDORS: ReadonlySet<string> = new Set(["anthropic", "google", "openai", "xai"]);

/** OpenRouter gives the readable summary and the encrypted state behind it as two details of one item. */
function isSummaryOf(next: AssistantPart | undefined, part: AssistantPart, dialect: Dialect): boolean {
  if (part.type !== "reasoning" || part.kind !== "summary" || next?.type !== "reasoning") return false;
  return next.signature?.kind === "openai_encrypted" && belongsTo(next.signature, dialect);
}

function summaryDetail(text: string, dialect: Dialect): JsonObject {
  const format = dialect.vendor === "xai" ? "xai-responses-v1" : "openai-responses-v1";
  return { type: "reasoning.summary", summary: text, format, index: 0 };
}
