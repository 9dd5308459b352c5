/**
 * Events as `data:` chunks of GenerateContentResponse. Text goes out as it comes; a call is held until its arguments are
 * whole, because Gemini has no partial objects. The last chunk carries `finishReason`, usage and what stands beside the
 * candidates; there is no other end marker, so nothing that looks like it may come earlier.
 */
import type { JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import type { Envelope, StreamEncoder } from "#protocols/protocol.ts";
import { ChoiceEncoder } from "./choice-encoder.ts";
import { encodeBlock } from "./encode-candidate.ts";
import { usageField } from "./encode-usage.ts";

export function createStreamEncoder(envelope: Envelope): StreamEncoder {
  return new GeminiStreamEncoder(envelope);
}

class GeminiStreamEncoder implements StreamEncoder {
  readonly #envelope: Envelope;
  readonly #choices = new Map<number, ChoiceEncoder>();
  #usage: Usage | undefined;
  #model: string;
  /** The end of every chunk's text, written once. */
  #tail: string;

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
    this.#model = envelope.model;
    this.#tail = this.#writeTail();
  }

  push(event: ChatEvent): string {
    switch (event.type) {
      case "start":
        this.#model = event.model ?? this.#model;
        this.#tail = this.#writeTail();
        if (event.usage) this.#usage = event.usage;
        return "";
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "end":
        return this.#end();
      // The failure's own text is written by `encodeStreamFailure`, which knows the request id.
      case "error":
        return "";
      case "part_start":
      case "delta":
      case "transcript":
      case "signature":
      case "citation":
      case "part_end":
      case "finish": {
        const parts = this.#choiceAt(event.choice).push(event);
        return parts.length === 0 ? "" : this.#content(parts, event.choice);
      }
    }
  }

  #content(parts: readonly JsonObject[], choice: number): string {
    const content = `{"role":"model","parts":${JSON.stringify(parts)}}`;
    return `data: {"candidates":[{"content":${content},"index":${choice}}]${this.#tail}`;
  }

  #end(): string {
    const choices = [...this.#choices.values()];
    const only = choices.length === 1 ? choices[0] : undefined;
    const blocked = only?.blockedBy;
    const ended = choices.length === 0 ? [new ChoiceEncoder(0, this.#envelope)] : choices;
    const last = {
      ...(blocked ? encodeBlock(blocked.native) : { candidates: ended.map((choice) => choice.end()) }),
      ...usageField(this.#usage),
      modelVersion: this.#model,
      responseId: this.#envelope.id,
    };
    return `data: ${JSON.stringify(last)}\n\n`;
  }

  #choiceAt(index: number): ChoiceEncoder {
    const known = this.#choices.get(index);
    if (known) return known;
    const created = new ChoiceEncoder(index, this.#envelope);
    this.#choices.set(index, created);
    return created;
  }

  #writeTail(): string {
    const model = JSON.stringify(this.#model);
    return `,"modelVersion":${model},"responseId":${JSON.stringify(this.#envelope.id)}}\n\n`;
  }
}
