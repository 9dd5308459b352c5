/** A whole answer as a `chat.completion`. */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { AssistantPart, PartBase, ToolCallPart } from "#model/chat.ts";
import type { Reply, ReplyChoice } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { FENCE_CLOSE, fenceOpen, toAnnotation, toFinishReason, toImageField } from "./answer-fields.ts";
import { toDetail } from "./reasoning-details.ts";
import { encodeUsage } from "./usage.ts";

export function encodeReply(reply: Reply, envelope: Envelope): JsonObject {
  const { usage } = reply;
  const body: MutableJsonObject = {
    id: `chatcmpl-${envelope.id}`,
    object: "chat.completion",
    created: envelope.createdAtSeconds,
    model: reply.model ?? envelope.model,
    choices: reply.choices.map((choice, index) => encodeChoice(choice, index, envelope)),
  };
  if (usage) body["usage"] = encodeUsage(usage);
  if (usage?.serviceTier !== undefined) body["service_tier"] = usage.serviceTier;
  return body;
}

function encodeChoice(choice: ReplyChoice, index: number, envelope: Envelope): JsonObject {
  const message = new Message(envelope);
  for (const part of choice.parts) message.add(part);
  return {
    index,
    message: message.finish(),
    logprobs: choice.logprobs
      ? {
          content: message.isRefusalOnly ? null : choice.logprobs,
          refusal: message.isRefusalOnly ? choice.logprobs : null,
        }
      : null,
    finish_reason: toFinishReason(choice.finish.reason, message.hasRefusal),
  };
}

/** Gathers an answer's parts into the one flat message this API has. */
class Message {
  readonly #envelope: Envelope;
  readonly #hidesThoughts: boolean;
  readonly #calls: JsonObject[] = [];
  readonly #details: JsonObject[] = [];
  readonly #images: JsonObject[] = [];
  readonly #annotations: JsonObject[] = [];
  readonly #extras: MutableJsonObject = {};
  #text: string | undefined;
  #refusal: string | undefined;
  #reasoning: string | undefined;
  #reasoningParts = 0;

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
    this.#hidesThoughts = envelope.chat.reasoning?.visibility === "none";
  }

  get hasRefusal(): boolean {
    return this.#refusal !== undefined;
  }

  get isRefusalOnly(): boolean {
    return this.hasRefusal && this.#text === undefined;
  }

  add(part: AssistantPart): void {
    switch (part.type) {
      case "text":
        this.#addText(part);
        return;
      case "refusal":
        this.#refusal = (this.#refusal ?? "") + part.text;
        return;
      case "reasoning":
        this.#addReasoning(part);
        return;
      case "tool_call":
        this.#addCall(part);
        return;
      case "image": {
        const image = toImageField(part.media);
        if (image) this.#images.push(image);
        return;
      }
      case "audio":
        this.#extras["audio"] = encodeAudio(part, this.#envelope);
        return;
      case "code":
        this.#text = `${this.#text ?? ""}${fenceOpen(part.language)}${part.code}${FENCE_CLOSE}`;
        return;
      case "code_result":
        this.#text = `${this.#text ?? ""}${fenceOpen("")}${part.output}${FENCE_CLOSE}`;
        return;
      case "hosted":
        if (part.protocol === "openai-chat") Object.assign(this.#extras, part.value);
    }
  }

  finish(): JsonObject {
    const isEmptyHanded = this.#calls.length === 0 && !this.hasRefusal && !this.#extras["audio"];
    const message: MutableJsonObject = {
      role: "assistant",
      content: this.#text ?? (isEmptyHanded ? "" : null),
      refusal: this.#refusal ?? null,
    };
    if (this.#reasoning !== undefined) message["reasoning_content"] = this.#reasoning;
    if (this.#details.length > 0) message["reasoning_details"] = this.#details;
    if (this.#annotations.length > 0) message["annotations"] = this.#annotations;
    if (this.#images.length > 0) message["images"] = this.#images;
    if (this.#calls.length > 0) message["tool_calls"] = this.#calls;
    return Object.assign(message, this.#extras);
  }

  #addText(part: Extract<AssistantPart, { type: "text" }>): void {
    const offset = this.#text?.length ?? 0;
    this.#text = (this.#text ?? "") + part.text;
    for (const citation of part.citations ?? []) {
      const annotation = toAnnotation(citation, offset);
      if (annotation) this.#annotations.push(annotation);
    }
    if (part.signature) this.#addState({ type: "reasoning", kind: "redacted" }, part);
  }

  #addReasoning(part: Extract<AssistantPart, { type: "reasoning" }>): void {
    if (part.text !== undefined && !this.#hidesThoughts)
      this.#reasoning = (this.#reasoning ?? "") + part.text;
    const { text: _, ...untold } = part;
    this.#addState(this.#hidesThoughts ? untold : part, part);
  }

  #addState(part: Extract<AssistantPart, { type: "reasoning" }>, { signature }: PartBase): void {
    if (!signature) return;
    const shape = { index: this.#reasoningParts++, seal: this.#envelope.seal };
    this.#details.push(...toDetail(part, signature, shape));
  }

  #addCall(part: ToolCallPart & PartBase): void {
    const { signature, argumentsText } = part;
    const sealed = signature && this.#envelope.seal(signature);
    this.#calls.push({
      id: part.id,
      ...(part.custom
        ? { type: "custom", custom: { name: part.name, input: argumentsText } }
        : {
            type: "function",
            function: { name: part.name, arguments: argumentsText.trim() === "" ? "{}" : argumentsText },
          }),
      ...(sealed !== undefined && { extra_content: { google: { thought_signature: sealed } } }),
    });
    this.#addState({ type: "reasoning", kind: "redacted", id: part.id }, part);
  }
}

function encodeAudio(part: Extract<AssistantPart, { type: "audio" }>, envelope: Envelope): JsonObject {
  return {
    id: part.id ?? `audio_${envelope.id}`,
    data: part.media?.from === "base64" ? part.media.data : "",
    transcript: part.transcript ?? "",
    // This house keeps no audio; what a provider keeps it does not tell here.
    expires_at: envelope.createdAtSeconds,
  };
}
