/**
 * Canonical events to this API's stream.
 *
 *   start -> message_start          part_start -> content_block_start (held until its kind is certain)
 *   delta -> content_block_delta    part_end -> content_block_stop
 *   finish (held) + usage, or end -> message_delta        end -> message_stop        error -> error, then silence
 *
 * Invariants: blocks open and close in order with matching delta types; no delta ends inside a surrogate pair;
 * `message_stop` only at `end`. A delta costs one JSON string and one concatenation: what comes before it is prepared
 * when its block opens.
 */
import { formatSse } from "#lib/sse.ts";
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import type { Envelope, StreamEncoder } from "#protocols/protocol.ts";
import { encodeCitation } from "./citation.ts";
import { encodeStreamFailure } from "./encode-failure.ts";
import { bearsState, encodeOpaque, encodeTrailingOpaque, isOwn, UNSIGNED } from "./opaque-state.ts";
import { codeFence, hidesThoughts, mediaNote, messageHead, toolUseBlock } from "./reply-block.ts";
import { encodeStopReason } from "./stop-reason.ts";
import { legalToolId } from "./tool-id.ts";
import { encodeUsage } from "./usage.ts";

type Finish = Extract<ChatEvent, { type: "finish" }>;
type DeltaField = "text" | "thinking" | "partial_json";
const deltaTypes = {
  text: "text_delta",
  thinking: "thinking_delta",
  partial_json: "input_json_delta",
} as const;

interface OpenPart {
  readonly start: PartStart;
  readonly field: DeltaField;
  /** Whether the block has been started: not before its kind is certain. */
  isBegun: boolean;
  /** All of a delta event before its text. */
  prefix: string;
  /** Text to write before the block stops: a fence's end, the end of a wrapped input. */
  suffix: string;
  /** Waits for the end of the part: a thought's signature, or state that came after its block had begun. */
  opaque: Opaque | undefined;
  /** A high surrogate waiting for its other half. */
  half: string;
}

export function createStreamEncoder(envelope: Envelope): StreamEncoder {
  return new MessagesStreamEncoder(envelope);
}

class MessagesStreamEncoder implements StreamEncoder {
  readonly #envelope: Envelope;
  readonly #hidesThoughts: boolean;
  #index = 0;
  #part: OpenPart | undefined;
  #usage: Usage | undefined;
  #finish: Finish | undefined;
  #hasFinished = false;
  #hasToolCall = false;
  #isOver = false;

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
    this.#hidesThoughts = hidesThoughts(envelope);
  }

  push(event: ChatEvent): string {
    if (this.#isOver) return "";
    if (event.type === "delta") return event.choice === 0 ? this.#delta(event.text) : "";
    // This API has one answer; a request for several never reaches it.
    if ("choice" in event && event.choice !== 0) return "";
    switch (event.type) {
      case "start":
        this.#usage = event.usage;
        return this.#messageStart(event.model);
      case "part_start":
        return this.#closePart() + this.#openPart(event.part);
      case "part_end":
        return this.#closePart();
      case "transcript":
        return this.#write(event.text);
      case "signature":
        return this.#signature(event.opaque);
      case "citation": {
        const citation = encodeCitation(event.citation);
        const part = this.#part;
        if (citation === undefined || part?.start.type !== "text") return "";
        return this.#begin(part) + this.#blockDelta({ type: "citations_delta", citation });
      }
      case "finish":
        this.#finish = event;
        return this.#closePart();
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return this.#finish === undefined ? "" : this.#messageDelta(this.#finish);
      case "error":
        this.#isOver = true;
        return encodeStreamFailure(event.failure, this.#envelope.id);
      case "end":
        return this.#end();
    }
  }

  #messageStart(model: string | undefined): string {
    const message = {
      ...messageHead(this.#envelope, model),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: encodeUsage(this.#usage),
    };
    return sse("message_start", { type: "message_start", message });
  }

  #openPart(start: PartStart): string {
    const part: OpenPart = {
      start,
      field: fieldFor(start),
      isBegun: false,
      prefix: "",
      suffix: "",
      opaque: undefined,
      half: "",
    };
    this.#part = part;
    switch (start.type) {
      case "tool_call":
        this.#hasToolCall = true;
        return "";
      case "image":
        return this.#write(mediaNote("image", start.media));
      case "code":
      case "code_result": {
        const [before, after] = codeFence(start.type === "code" ? start.language : "");
        const opened = this.#write(before);
        part.suffix = after;
        return opened;
      }
      case "hosted":
        return start.protocol === "anthropic-messages" ? this.#hosted(part, start.value) : "";
      case "text":
      case "refusal":
      case "reasoning":
      case "audio":
        return "";
    }
  }

  /** Starts the open part's block, once. */
  #begin(part: OpenPart): string {
    if (part.isBegun) return "";
    part.isBegun = true;
    part.prefix =
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},` +
      `"delta":{"type":"${deltaTypes[part.field]}","${part.field}":`;
    const opened = this.#blockStart(blockFor(part.start));
    if (!isCustomCall(part.start)) return opened;
    part.suffix = '"}';
    return opened + part.prefix + JSON.stringify('{"input":"') + DELTA_END;
  }

  #delta(text: string): string {
    const part = this.#part;
    if (part === undefined) return "";
    // Audio bytes cannot be said here, only their transcript; a hosted block came whole.
    if (part.start.type === "hosted" || part.start.type === "audio") return "";
    return part.field === "thinking" && this.#hidesThoughts ? "" : this.#write(text);
  }

  /** Text of the open part, its block begun where it is not. */
  #write(text: string): string {
    const part = this.#part;
    if (part === undefined || text === "") return "";
    const opened = part.isBegun ? "" : this.#begin(part);
    const last = text.charCodeAt(text.length - 1);
    const isHalved = last >= 0xd800 && last <= 0xdbff;
    if (!isHalved && part.half === "") return opened + part.prefix + quote(part.start, text) + DELTA_END;
    const joined = part.half + text;
    part.half = isHalved ? joined.slice(-1) : "";
    const whole = isHalved ? joined.slice(0, -1) : joined;
    return whole === "" ? opened : opened + part.prefix + quote(part.start, whole) + DELTA_END;
  }

  #signature(opaque: Opaque): string {
    const part = this.#part;
    if (part === undefined) return "";
    const isThought = part.start.type === "reasoning";
    if (!isThought && !bearsState(part.start.type)) return "";
    if (!isThought && !part.isBegun) {
      return this.#redacted(encodeOpaque(opaque, this.#envelope.seal));
    }
    part.opaque = opaque;
    return "";
  }

  #redacted(data: string): string {
    const opened = this.#blockStart({ type: "redacted_thinking", data });
    return opened + this.#blockStop();
  }

  /** A hosted tool's call streams its input as the API does; any other block comes whole. */
  #hosted(part: OpenPart, value: JsonObject): string {
    const input = value["input"];
    const hasInput = typeof input === "object" && input !== null;
    const block: MutableJsonObject = hasInput ? { ...value, input: {} } : value;
    part.isBegun = true;
    const opened = this.#blockStart(block);
    if (!hasInput) return opened;
    return opened + this.#blockDelta({ type: "input_json_delta", partial_json: JSON.stringify(input) });
  }

  #closePart(): string {
    const part = this.#part;
    if (part === undefined) return "";
    if (part.start.type === "reasoning") return this.#closeThought(part);
    const opened = this.#openAtLast(part);
    this.#part = undefined;
    if (!part.isBegun) return "";
    const rest = halfOf(part) + part.suffix;
    const tail = rest === "" ? "" : part.prefix + JSON.stringify(rest) + DELTA_END;
    const closed = opened + tail + this.#blockStop();
    if (part.opaque === undefined) return closed;
    return closed + this.#redacted(encodeTrailingOpaque(part.opaque, this.#envelope.seal));
  }

  /** A call without arguments is a call, and audio without a transcript is told; an empty text is nothing. */
  #openAtLast(part: OpenPart): string {
    if (part.isBegun) return "";
    if (part.start.type === "tool_call") return this.#begin(part);
    return part.start.type === "audio" ? this.#write(mediaNote("audio", undefined)) : "";
  }

  /**
   * State without a readable thought makes a redacted block, unless it is an Anthropic signature. A thought without a
   * signature is marked as such, so that we know it when it returns.
   */
  #closeThought(part: OpenPart): string {
    this.#part = undefined;
    const opaque = part.opaque;
    const isSignature = opaque !== undefined && isOwn(opaque) && opaque.kind === "anthropic_signature";
    if (!part.isBegun && !isSignature) {
      if (opaque === undefined || opaque.kind === "unsigned") return "";
      return this.#redacted(encodeOpaque(opaque, this.#envelope.seal));
    }
    const opened = this.#begin(part);
    const half = part.half === "" ? "" : part.prefix + JSON.stringify(part.half) + DELTA_END;
    const signature = encodeOpaque(opaque ?? UNSIGNED, this.#envelope.seal);
    return opened + half + this.#blockDelta({ type: "signature_delta", signature }) + this.#blockStop();
  }

  #messageDelta(finish: Finish): string {
    this.#hasFinished = true;
    const delta = {
      stop_reason: encodeStopReason(finish, this.#hasToolCall),
      stop_sequence: finish.stopSequence ?? null,
      ...(finish.detail !== undefined && { stop_details: finish.detail }),
    };
    return sse("message_delta", { type: "message_delta", delta, usage: encodeUsage(this.#usage) });
  }

  #end(): string {
    this.#isOver = true;
    const closed = this.#closePart();
    const finish = this.#finish ?? PLAIN_STOP;
    const delta = this.#hasFinished ? "" : this.#messageDelta(finish);
    return closed + delta + MESSAGE_STOP;
  }

  #blockStart(block: JsonObject): string {
    return sse("content_block_start", {
      type: "content_block_start",
      index: this.#index,
      content_block: block,
    });
  }

  #blockDelta(delta: JsonObject): string {
    return sse("content_block_delta", { type: "content_block_delta", index: this.#index, delta });
  }

  #blockStop(): string {
    const text = sse("content_block_stop", { type: "content_block_stop", index: this.#index });
    this.#index += 1;
    return text;
  }
}

const DELTA_END = "}}\n\n";
const MESSAGE_STOP = sse("message_stop", { type: "message_stop" });
const PLAIN_STOP: Finish = { type: "finish", choice: 0, reason: "stop" };

/** What keeps a connection alive without saying anything. */
export const keepAlive = sse("ping", { type: "ping" });

function sse(event: string, data: JsonObject): string {
  return formatSse(JSON.stringify(data), event);
}

function fieldFor(start: PartStart): DeltaField {
  if (start.type === "reasoning") return "thinking";
  return start.type === "tool_call" ? "partial_json" : "text";
}

function blockFor(start: PartStart): JsonObject {
  if (start.type === "reasoning") return { type: "thinking", thinking: "", signature: "" };
  if (start.type === "tool_call") return toolUseBlock(start, legalToolId(start.id), {});
  return { type: "text", text: "" };
}

/** Free text of a custom tool becomes the inside of a JSON string, which is itself inside one. */
function quote(start: PartStart, text: string): string {
  const quoted = JSON.stringify(text);
  return isCustomCall(start) ? JSON.stringify(quoted.slice(1, -1)) : quoted;
}

function halfOf(part: OpenPart): string {
  return part.half !== "" && isCustomCall(part.start) ? JSON.stringify(part.half).slice(1, -1) : part.half;
}

function isCustomCall(start: PartStart): boolean {
  return start.type === "tool_call" && start.custom === true;
}
