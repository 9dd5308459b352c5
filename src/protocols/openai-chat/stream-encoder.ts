/**
 * Canonical events as Chat Completions chunks.
 *
 *   start -> role chunk -> deltas of the open part -> finish chunk -> (usage chunk, if asked for) -> [DONE]
 *
 * `[DONE]` is written for `end` and for nothing else: after an error the stream must not look finished. A delta is
 * the hot path, so its JSON around the text is computed once per part and only the text is quoted each time.
 */
import type { Json, JsonObject } from "#lib/json.ts";
import type { Citation, Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import type { Envelope, StreamEncoder } from "#protocols/protocol.ts";
import { FENCE_CLOSE, fenceOpen, toAnnotation, toFinishReason, toImageField } from "./answer-fields.ts";
import { encodeStreamFailure } from "./encode-failure.ts";
import { toDetail } from "./reasoning-details.ts";
import { encodeUsage } from "./usage.ts";

export function createStreamEncoder(envelope: Envelope): StreamEncoder {
  return new ChatStreamEncoder(envelope);
}

interface OpenPart {
  readonly start: PartStart;
  /** What stands before and after the quoted text of a delta; undefined where deltas are held back. */
  readonly prefix: string | undefined;
  readonly suffix: string;
  /** Reasoning, for its detail; arguments, to know whether any came. */
  text: string;
  signature: Opaque | undefined;
}

interface Choice {
  readonly index: number;
  open: OpenPart | undefined;
  calls: number;
  /** UTF-16 length of the answer so far, to shift citations of later text parts. */
  textLength: number;
  textOffset: number;
  details: number;
  hasRefusal: boolean;
}

class ChatStreamEncoder implements StreamEncoder {
  readonly #envelope: Envelope;
  readonly #hidesThoughts: boolean;
  readonly #tail: string;
  readonly #choices: Choice[] = [];
  #head: string;
  #usage: Usage | undefined;

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
    this.#hidesThoughts = envelope.chat.reasoning?.visibility === "none";
    this.#tail = envelope.chat.includeUsage ? ',"usage":null}\n\n' : "}\n\n";
    this.#head = this.#headFor(envelope.model);
  }

  push(event: ChatEvent): string {
    switch (event.type) {
      case "delta":
        return this.#delta(event);
      case "start":
        if (event.model !== undefined) this.#head = this.#headFor(event.model);
        return this.#openChoice(0);
      case "part_start":
        return this.#openChoice(event.choice) + this.#partStart(this.#choice(event.choice), event.part);
      case "part_end":
        return this.#partEnd(this.#choice(event.choice));
      case "transcript":
        return this.#chunk(event.choice, { audio: { transcript: event.text } });
      case "signature":
        return this.#signature(this.#choice(event.choice), event.opaque);
      case "citation":
        return this.#citation(this.#choice(event.choice), event.citation);
      case "finish": {
        const opened = this.#openChoice(event.choice);
        const reason = toFinishReason(event.reason, this.#choice(event.choice).hasRefusal);
        return opened + this.#chunk(event.choice, {}, { finish: reason });
      }
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "error":
        return encodeStreamFailure(event.failure, this.#envelope.id);
      case "end":
        return `${this.#usageChunk()}data: [DONE]\n\n`;
    }
  }

  #headFor(model: string): string {
    const { id, createdAtSeconds } = this.#envelope;
    const fields = {
      id: `chatcmpl-${id}`,
      object: "chat.completion.chunk",
      created: createdAtSeconds,
      model,
    };
    return `data: ${JSON.stringify(fields).slice(0, -1)},"choices":[`;
  }

  #chunk(index: number, delta: JsonObject, more: { finish?: string; logprobs?: Json } = {}): string {
    const choice = {
      index,
      delta,
      ...(more.logprobs !== undefined && { logprobs: more.logprobs }),
      finish_reason: more.finish ?? null,
    };
    return `${this.#head}${JSON.stringify(choice)}]${this.#tail}`;
  }

  #choice(index: number): Choice {
    const known = this.#choices[index];
    if (known) return known;
    const zero = { calls: 0, textLength: 0, textOffset: 0, details: 0, hasRefusal: false };
    const choice: Choice = { index, open: undefined, ...zero };
    this.#choices[index] = choice;
    return choice;
  }

  /** The role comes once per choice, in its first chunk. */
  #openChoice(index: number): string {
    if (this.#choices[index]) return "";
    this.#choice(index);
    return this.#chunk(index, { role: "assistant", content: "" });
  }

  #delta(event: Extract<ChatEvent, { type: "delta" }>): string {
    const choice = this.#choices[event.choice];
    const open = choice?.open;
    if (!choice || !open) return "";
    if (open.start.type === "text") choice.textLength += event.text.length;
    else open.text += event.text;
    if (open.prefix === undefined) return "";
    if (event.logprobs) return this.#deltaWithLogprobs(event, open);
    return open.prefix + JSON.stringify(event.text) + open.suffix;
  }

  #deltaWithLogprobs(event: Extract<ChatEvent, { type: "delta" }>, open: OpenPart): string {
    const records = event.logprobs ?? null;
    return open.start.type === "refusal"
      ? this.#chunk(event.choice, { refusal: event.text }, { logprobs: { content: null, refusal: records } })
      : this.#chunk(event.choice, { content: event.text }, { logprobs: { content: records, refusal: null } });
  }

  #partStart(choice: Choice, start: PartStart): string {
    choice.open = this.#openPart(choice, start, undefined);
    switch (start.type) {
      case "text":
        choice.textOffset = choice.textLength;
        choice.open = this.#openPart(choice, start, { content: "" });
        return "";
      case "refusal":
        choice.hasRefusal = true;
        choice.open = this.#openPart(choice, start, { refusal: "" });
        return "";
      case "reasoning":
        if (!this.#hidesThoughts) choice.open = this.#openPart(choice, start, { reasoning_content: "" });
        return "";
      case "tool_call":
        return this.#callStart(choice, start);
      case "image": {
        const image = toImageField(start.media);
        return image ? this.#chunk(choice.index, { images: [image] }) : "";
      }
      case "audio":
        choice.open = this.#openPart(choice, start, { audio: { data: "" } });
        return this.#chunk(choice.index, { audio: { id: start.id ?? `audio_${this.#envelope.id}` } });
      case "code":
      case "code_result":
        choice.open = this.#openPart(choice, start, { content: "" });
        return this.#chunk(choice.index, { content: fenceOpen(start.type === "code" ? start.language : "") });
      case "hosted":
        return start.protocol === "openai-chat" ? this.#chunk(choice.index, start.value) : "";
    }
  }

  #callStart(choice: Choice, start: Extract<PartStart, { type: "tool_call" }>): string {
    const index = choice.calls++;
    if (start.custom) {
      choice.open = this.#openPart(choice, start, { tool_calls: [{ index, custom: { input: "" } }] });
      const call = { index, id: start.id, type: "custom", custom: { name: start.name, input: "" } };
      return this.#chunk(choice.index, { tool_calls: [call] });
    }
    choice.open = this.#openPart(choice, start, { tool_calls: [{ index, function: { arguments: "" } }] });
    const call = { index, id: start.id, type: "function", function: { name: start.name, arguments: "" } };
    return this.#chunk(choice.index, { tool_calls: [call] });
  }

  /** `delta` has an empty string where the text goes: the last `""` of the chunk is where it is cut in two. */
  #openPart(choice: Choice, start: PartStart, delta: JsonObject | undefined): OpenPart {
    const chunk = delta && this.#chunk(choice.index, delta);
    const cut = chunk?.lastIndexOf('""') ?? 0;
    return {
      start,
      prefix: chunk?.slice(0, cut),
      suffix: chunk?.slice(cut + 2) ?? "",
      text: "",
      signature: undefined,
    };
  }

  #partEnd(choice: Choice): string {
    const open = choice.open;
    choice.open = undefined;
    if (!open) return "";
    switch (open.start.type) {
      case "tool_call":
        return this.#callEnd(choice, open, open.start);
      case "reasoning":
        return this.#reasoningEnd(choice, open, open.start);
      case "code":
      case "code_result":
        return this.#chunk(choice.index, { content: FENCE_CLOSE });
      case "text":
      case "refusal":
      case "image":
      case "audio":
      case "hosted":
        return "";
    }
  }

  #callEnd(choice: Choice, open: OpenPart, start: Extract<PartStart, { type: "tool_call" }>): string {
    const index = choice.calls - 1;
    // A call without arguments must still add up to JSON.
    if (start.custom || open.text.trim() !== "") return "";
    return this.#chunk(choice.index, { tool_calls: [{ index, function: { arguments: "{}" } }] });
  }

  #reasoningEnd(choice: Choice, open: OpenPart, start: Extract<PartStart, { type: "reasoning" }>): string {
    if (!open.signature) return "";
    const text = this.#hidesThoughts || open.text === "" ? {} : { text: open.text };
    return this.#detailChunk(choice, toDetail({ ...start, ...text }, open.signature, this.#shape(choice)));
  }

  #signature(choice: Choice, opaque: Opaque): string {
    const open = choice.open;
    if (!open) return "";
    if (open.start.type === "reasoning") {
      open.signature = opaque;
      return "";
    }
    if (open.start.type === "text") {
      return this.#detailChunk(choice, toDetail({ kind: "redacted" }, opaque, this.#shape(choice)));
    }
    // What becomes text here (code), or is left out, cannot return as what its maker signed.
    if (open.start.type !== "tool_call") return "";
    const details = toDetail({ kind: "redacted", id: open.start.id }, opaque, this.#shape(choice));
    const signed = { google: { thought_signature: this.#envelope.seal(opaque) } };
    const call = { index: choice.calls - 1, extra_content: signed };
    return this.#chunk(choice.index, { tool_calls: [call], reasoning_details: details });
  }

  #shape(choice: Choice): { readonly index: number; readonly seal: (opaque: Opaque) => string } {
    return { index: choice.details++, seal: this.#envelope.seal };
  }

  #detailChunk(choice: Choice, details: readonly JsonObject[]): string {
    return details.length === 0 ? "" : this.#chunk(choice.index, { reasoning_details: details });
  }

  #citation(choice: Choice, citation: Citation): string {
    const annotation = toAnnotation(citation, choice.textOffset);
    return annotation ? this.#chunk(choice.index, { annotations: [annotation] }) : "";
  }

  #usageChunk(): string {
    if (!this.#envelope.chat.includeUsage || !this.#usage) return "";
    const usage = JSON.stringify(encodeUsage(this.#usage));
    return `${this.#head}],"usage":${usage}}\n\n`;
  }
}
