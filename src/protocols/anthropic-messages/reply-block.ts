/** What the stream encoder and the whole-answer encoder must agree on, so that both give the same blocks. */
import type { JsonObject } from "#lib/json.ts";
import { shallowObject } from "#lib/shallow-object.ts";
import type { Media } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";
import type { Envelope } from "#protocols/protocol.ts";

type ToolCallStart = Extract<PartStart, { type: "tool_call" }>;

/** The fields of a message beside content, stop and usage. */
export function messageHead(envelope: Envelope, model: string | undefined): JsonObject {
  return {
    id: `msg_${envelope.id}`,
    type: "message",
    role: "assistant",
    model: model ?? envelope.model,
    container: null,
  };
}

/** Whether the caller asked not to read the thoughts; their signatures are delivered all the same. */
export function hidesThoughts(envelope: Envelope): boolean {
  return envelope.chat.reasoning?.visibility === "none";
}

export function toolUseBlock(call: Omit<ToolCallStart, "type">, id: string, input: JsonObject): JsonObject {
  const extras = call.raw?.protocol === "anthropic-messages" ? call.raw.value : undefined;
  return { type: "tool_use", id, name: call.name, input, ...extras };
}

/** This API's input is an object. Free text of a custom tool and text that is no object are wrapped, not lost. */
export function toolInput(argumentsText: string, isCustom: boolean): JsonObject {
  if (isCustom) return { input: argumentsText };
  if (argumentsText.trim() === "") return {};
  return shallowObject(argumentsText) ?? { _raw: argumentsText };
}

/** An answer's image or audio, which this API cannot carry, said in words instead of being left out. */
export function mediaNote(kind: "image" | "audio", media: Media | undefined): string {
  if (media?.from === "url") return `[${kind}: ${media.url}]`;
  const mime = media?.mime === undefined ? "" : ` (${media.mime})`;
  return `[The model produced ${kind === "image" ? "an image" : "audio"}${mime}, which this API cannot carry.]`;
}

export function codeFence(language: string): readonly [before: string, after: string] {
  return [`\`\`\`${language}\n`, "\n```"];
}
