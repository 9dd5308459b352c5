/**
 * One choice's events as wire parts. A signature known before its text goes out on the first piece of it; one that comes
 * later goes out on an empty piece after it, which readers join with the text before.
 */
import type { JsonObject } from "#lib/json.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { AssistantPart, Citation, Opaque } from "#model/chat.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { answerParts, isCutOff, isDamaged, showsThoughts, signatureField } from "./answer-part.ts";
import { encodeCandidateEnd, type PlacedCitation } from "./encode-candidate.ts";

type PartEvent = Exclude<Extract<ChatEvent, { choice: number }>, { type: "finish" }>;
type Finish = Extract<ChatEvent, { type: "finish" }>;

interface OpenPart {
  readonly start: PartStart;
  text: string;
  transcript: string;
  /** Not sent yet. */
  signature: Opaque | undefined;
  readonly citations: Citation[];
}

const NONE: readonly JsonObject[] = [];

export class ChoiceEncoder {
  readonly #index: number;
  readonly #envelope: Envelope;
  readonly #citations: PlacedCitation[] = [];
  readonly #logprobs: JsonObject[] = [];
  #open: OpenPart | undefined;
  /** A call with damaged arguments: whether the output limit cut it off is known only at the finish. */
  #held: Extract<AssistantPart, { type: "tool_call" }> | undefined;
  #textBefore = "";
  #hasSent = false;
  #finish: Finish | undefined;

  constructor(index: number, envelope: Envelope) {
    this.#index = index;
    this.#envelope = envelope;
  }

  /** The finish that blocked the prompt, where nothing at all was said. */
  get blockedBy(): Finish | undefined {
    return !this.#hasSent && this.#finish?.reason === "refusal" ? this.#finish : undefined;
  }

  push(event: PartEvent | Finish): readonly JsonObject[] {
    const parts = this.#wire(event);
    if (parts.length > 0) this.#hasSent = true;
    return parts;
  }

  /** The candidate of the last chunk. */
  end(): JsonObject {
    return {
      content: { role: "model", parts: [{ text: "" }] },
      ...encodeCandidateEnd({
        reason: this.#finish?.reason ?? "stop",
        native: this.#finish?.native,
        continuation: this.#finish?.continuation,
        citations: this.#citations,
        logprobs: this.#logprobs,
      }),
      index: this.#index,
    };
  }

  #wire(event: PartEvent | Finish): readonly JsonObject[] {
    const open = this.#open;
    switch (event.type) {
      case "part_start":
        this.#open = { start: event.part, text: "", transcript: "", signature: undefined, citations: [] };
        return this.#releaseHeld();
      case "delta":
        if (event.logprobs) this.#logprobs.push(...event.logprobs);
        return open && event.text !== "" ? this.#delta(open, event.text) : NONE;
      case "transcript":
        if (open) open.transcript += event.text;
        return NONE;
      case "signature":
        if (open) open.signature = event.opaque;
        return NONE;
      case "citation":
        open?.citations.push(event.citation);
        return NONE;
      case "part_end":
        this.#open = undefined;
        return open ? this.#close(open) : NONE;
      case "finish":
        this.#finish = event;
        if (this.#held && isCutOff(this.#held, event.reason)) this.#held = undefined;
        return this.#releaseHeld();
    }
  }

  #delta(open: OpenPart, text: string): readonly JsonObject[] {
    open.text += text;
    switch (open.start.type) {
      case "text":
      case "refusal":
        return [{ text, ...this.#takeSignature(open) }];
      case "reasoning":
        if (!showsThoughts(this.#envelope.chat.reasoning)) return NONE;
        return [{ text, thought: true, ...this.#takeSignature(open) }];
      case "tool_call":
      case "image":
      case "audio":
      case "code":
      case "code_result":
      case "hosted":
        return NONE;
    }
  }

  #close(open: OpenPart): readonly JsonObject[] {
    const { start } = open;
    switch (start.type) {
      case "text":
        for (const citation of open.citations) {
          this.#citations.push({ citation, textBefore: this.#textBefore, text: open.text });
        }
        this.#textBefore += open.text;
        return this.#lateSignature(open, {});
      case "refusal":
        return this.#lateSignature(open, {});
      case "reasoning":
        return this.#lateSignature(open, { thought: true });
      case "tool_call": {
        const call = {
          ...start,
          argumentsText: open.text,
          ...(open.signature && { signature: open.signature }),
        };
        if (!isDamaged(call)) return this.#whole(call);
        this.#held = call;
        return NONE;
      }
      case "image":
      case "hosted":
        return this.#whole({ ...start, ...signed(open) });
      case "audio": {
        const media = { from: "base64", mime: start.mime ?? "audio/L16", data: open.text } as const;
        const transcript = open.transcript !== "" && { transcript: open.transcript };
        return this.#whole({
          type: "audio",
          ...(open.text !== "" && { media }),
          ...transcript,
          ...signed(open),
        });
      }
      case "code":
        return this.#whole({ ...start, code: open.text, ...signed(open) });
      case "code_result":
        return this.#whole({ ...start, output: open.text, ...signed(open) });
    }
  }

  #releaseHeld(): readonly JsonObject[] {
    const held = this.#held;
    this.#held = undefined;
    return held ? this.#whole(held) : NONE;
  }

  #whole(part: AssistantPart): readonly JsonObject[] {
    const [first, ...rest] = answerParts(part, this.#envelope.chat.reasoning);
    return first ? [{ ...first, ...signatureField(part.signature, this.#envelope) }, ...rest] : NONE;
  }

  #lateSignature(open: OpenPart, side: JsonObject): readonly JsonObject[] {
    const signature = this.#takeSignature(open);
    return Object.keys(signature).length === 0 ? NONE : [{ text: "", ...side, ...signature }];
  }

  #takeSignature(open: OpenPart): JsonObject {
    const signature = signatureField(open.signature, this.#envelope);
    open.signature = undefined;
    return signature;
  }
}

function signed(open: OpenPart): { readonly signature?: Opaque } {
  return open.signature ? { signature: open.signature } : {};
}
