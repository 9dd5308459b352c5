/**
 * One part of a model's turn as a Gemini part, for the history sent up and for answers sent down. Signatures are added
 * by the caller, who knows where they may go. Undefined: Gemini has no form for it, and it is listed as dropped.
 */
import type { JsonObject } from "#lib/json.ts";
import { shallowObject } from "#lib/shallow-object.ts";
import type { AssistantPart, ToolCallPart } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encodeMedia } from "./encode-media.ts";

export interface AssistantPlace {
  /** The call's name on the wire. */
  readonly name: string;
  readonly sendsId: boolean;
  readonly path: string;
  readonly dropped: string[];
  readonly dialect: Dialect;
}

export function encodeAssistantPart(part: AssistantPart, place: AssistantPlace): JsonObject | undefined {
  switch (part.type) {
    case "text":
    case "refusal":
      return { text: part.text };
    case "reasoning":
      return { text: part.text ?? "", thought: true };
    case "tool_call":
      return { functionCall: encodeCall(part, place) };
    case "image":
      return encodeMedia(part.media, "image", place);
    case "audio":
      if (part.media) return encodeMedia(part.media, "audio", place);
      // Sound that is only named by another vendor's id: what it said is all that can go on.
      if (part.transcript === undefined) place.dropped.push(place.path);
      return part.transcript === undefined ? undefined : { text: part.transcript };
    case "code":
      return { executableCode: { ...idOf(part.id), language: part.language.toUpperCase(), code: part.code } };
    case "code_result":
      return {
        codeExecutionResult: { ...idOf(part.id), outcome: CODE_OUTCOMES[part.outcome], output: part.output },
      };
    case "hosted":
      if (part.protocol === "gemini") return part.value;
      place.dropped.push(place.path);
      return undefined;
  }
}

function idOf(id: string | undefined): JsonObject {
  return id === undefined ? {} : { id };
}

export const CODE_OUTCOMES = {
  ok: "OUTCOME_OK",
  failed: "OUTCOME_FAILED",
  timeout: "OUTCOME_DEADLINE_EXCEEDED",
} as const;

function encodeCall(part: ToolCallPart, place: AssistantPlace): JsonObject {
  return { ...(place.sendsId && { id: part.id }), name: place.name, args: callArguments(part) };
}

/**
 * Arguments as the object Gemini demands. A model's past slip (text that is no JSON object) must not fail the whole
 * conversation: it goes on under `_raw`.
 */
export function callArguments(part: Pick<ToolCallPart, "argumentsText" | "custom">): JsonObject {
  if (part.custom) return { input: part.argumentsText };
  if (part.argumentsText.trim() === "") return {};
  return shallowObject(part.argumentsText) ?? { _raw: part.argumentsText };
}
