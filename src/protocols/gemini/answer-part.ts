/** Parts of an answer as a Gemini caller gets them. Whole answers and streams use the same forms. */
import type { JsonObject } from "#lib/json.ts";
import { shallowObject } from "#lib/shallow-object.ts";
import type { AssistantPart, Media, Opaque, Reasoning, ToolCallPart } from "#model/chat.ts";
import type { StopReason } from "#model/chat-event.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { callArguments, CODE_OUTCOMES } from "./assistant-part.ts";

/** The part as wire parts, unsigned: none where this API has no form for it. */
export function answerParts(part: AssistantPart, reasoning: Reasoning | undefined): readonly JsonObject[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text === "" && !part.signature ? [] : [{ text: part.text }];
    case "reasoning": {
      const text = showsThoughts(reasoning) ? (part.text ?? "") : "";
      return text === "" && !part.signature ? [] : [{ text, thought: true }];
    }
    case "tool_call":
      return [{ functionCall: { id: part.id, name: part.name, args: callArguments(part) } }];
    case "image":
      return mediaPart(part.media);
    case "audio":
      return [
        ...(part.media ? mediaPart(part.media) : []),
        ...(part.transcript === undefined ? [] : [{ text: part.transcript }]),
      ];
    case "code":
      return [{ executableCode: { ...idOf(part), language: part.language.toUpperCase(), code: part.code } }];
    case "code_result": {
      const outcome = CODE_OUTCOMES[part.outcome];
      return [{ codeExecutionResult: { ...idOf(part), outcome, output: part.output } }];
    }
    case "hosted":
      return part.protocol === "gemini" ? [part.value] : [];
  }
}

/** Gemini shows thoughts only to who asked for them. */
export function showsThoughts(reasoning: Reasoning | undefined): boolean {
  return reasoning?.visibility === "summary" || reasoning?.visibility === "full";
}

function idOf(part: { readonly id?: string }): JsonObject {
  return part.id === undefined ? {} : { id: part.id };
}

function mediaPart(media: Media): readonly JsonObject[] {
  switch (media.from) {
    case "base64":
      return [{ inlineData: { mimeType: media.mime, data: media.data } }];
    case "url":
      return [
        { fileData: { ...(media.mime !== undefined && { mimeType: media.mime }), fileUri: media.url } },
      ];
    case "file":
    case "text":
      return [];
  }
}

/** Google's own signature bare; another vendor's sealed, and base64 once more because the field holds bytes. */
export function signatureField(opaque: Opaque | undefined, envelope: Envelope): JsonObject {
  if (!opaque || opaque.kind === "unsigned") return {};
  if (opaque.kind === "google_thought_signature") return { thoughtSignature: opaque.data };
  return { thoughtSignature: Buffer.from(envelope.seal(opaque), "utf8").toString("base64") };
}

/** A call whose arguments the output limit cut off: it cannot be said in objects, and MAX_TOKENS tells why. */
export function isCutOff(call: Pick<ToolCallPart, "argumentsText" | "custom">, reason: StopReason): boolean {
  const isLimit = reason === "length" || reason === "context_full";
  return isLimit && isDamaged(call);
}

export function isDamaged(call: Pick<ToolCallPart, "argumentsText" | "custom">): boolean {
  return !call.custom && call.argumentsText.trim() !== "" && !shallowObject(call.argumentsText);
}
