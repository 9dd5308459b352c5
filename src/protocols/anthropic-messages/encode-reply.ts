/** A whole answer as this API's message. Block for block the same as the stream encoder writes (properties P14). */
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart, PartBase, ReasoningPart } from "#model/chat.ts";
import type { Reply } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { encodeCitation } from "./citation.ts";
import { bearsState, encodeOpaque, isOwn, UNSIGNED } from "./opaque-state.ts";
import { codeFence, hidesThoughts, mediaNote, messageHead, toolInput, toolUseBlock } from "./reply-block.ts";
import { encodeStopReason } from "./stop-reason.ts";
import { legalToolId } from "./tool-id.ts";
import { encodeUsage } from "./usage.ts";

export function encodeReply(reply: Reply, envelope: Envelope): JsonObject {
  const [choice] = reply.choices;
  const parts = choice?.parts ?? [];
  const finish = choice?.finish ?? { reason: "stop" };
  const hasToolCall = parts.some((part) => part.type === "tool_call");
  return {
    ...messageHead(envelope, reply.model),
    content: parts.flatMap((part) => encodePart(part, envelope)),
    stop_reason: encodeStopReason(finish, hasToolCall),
    stop_sequence: finish.stopSequence ?? null,
    stop_details: finish.detail ?? null,
    usage: encodeUsage(reply.usage),
  };
}

function encodePart(part: AssistantPart, envelope: Envelope): readonly JsonObject[] {
  if (part.type === "reasoning") return encodeThought(part, envelope);
  const block = encodeBlock(part);
  const signature = bearsState(part.type) ? part.signature : undefined;
  const state: readonly JsonObject[] =
    signature === undefined
      ? []
      : [{ type: "redacted_thinking", data: encodeOpaque(signature, envelope.seal) }];
  return block === undefined ? state : [...state, block];
}

function encodeThought(part: ReasoningPart & PartBase, envelope: Envelope): readonly JsonObject[] {
  const opaque = part.signature;
  const thinking = hidesThoughts(envelope) ? "" : (part.text ?? "");
  const isSignature = opaque !== undefined && isOwn(opaque) && opaque.kind === "anthropic_signature";
  if (thinking === "" && !isSignature) {
    if (opaque === undefined || opaque.kind === "unsigned") return [];
    return [{ type: "redacted_thinking", data: encodeOpaque(opaque, envelope.seal) }];
  }
  return [{ type: "thinking", thinking, signature: encodeOpaque(opaque ?? UNSIGNED, envelope.seal) }];
}

type OtherPart = Exclude<AssistantPart, { type: "reasoning" }>;

function encodeBlock(part: OtherPart): JsonObject | undefined {
  switch (part.type) {
    case "text": {
      const citations = (part.citations ?? [])
        .map(encodeCitation)
        .filter((citation) => citation !== undefined);
      if (part.text === "" && citations.length === 0) return undefined;
      return textBlock(part.text, citations);
    }
    case "refusal":
      return part.text === "" ? undefined : textBlock(part.text);
    case "tool_call":
      return toolUseBlock(part, legalToolId(part.id), toolInput(part.argumentsText, part.custom === true));
    case "image":
      return textBlock(mediaNote("image", part.media));
    case "audio":
      return textBlock(part.transcript ?? mediaNote("audio", undefined));
    case "code":
    case "code_result": {
      const [before, after] = codeFence(part.type === "code" ? part.language : "");
      return textBlock(before + (part.type === "code" ? part.code : part.output) + after);
    }
    case "hosted":
      return part.protocol === "anthropic-messages" ? part.value : undefined;
  }
}

function textBlock(text: string, citations: readonly JsonObject[] = []): JsonObject {
  return { type: "text", text, ...(citations.length > 0 && { citations }) };
}
