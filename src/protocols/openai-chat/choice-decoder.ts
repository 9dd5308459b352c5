/**
 * One alternative of an answer: deltas in, canonical events out. A whole message has the same fields as a delta and
 * takes the same path, so streamed and whole answers cannot be read differently.
 */
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { Citation, Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart, StopReason } from "#model/chat-event.ts";
import { parseMediaUrl } from "./data-url.ts";
import { PartQueue, type Slot } from "./part-queue.ts";
import { parseDetail, type Detail, type Origin } from "./reasoning-details.ts";
import { ToolCalls } from "./tool-calls.ts";
import type { WireNames } from "./wire-names.ts";

type FinishEvent = Extract<ChatEvent, { type: "finish" }>;

export interface ChoiceSetting {
  readonly origin: Origin;
  /** The answer's id: calls that come without one get theirs from it. */
  readonly answerId: string;
  readonly names: WireNames;
}

export class ChoiceDecoder {
  readonly index: number;
  /** The finish reason as sent; "" counts as none. */
  finishReason: string | undefined;
  nativeReason: string | undefined;
  stopSequence: string | undefined;
  finishDetail: Json | undefined;
  hasContent = false;
  readonly #queue: PartQueue;
  readonly #calls: ToolCalls;
  readonly #origin: Origin;
  /** Signatures that came before the call they belong to. */
  #early: Map<string, Opaque> | undefined;
  #hasRefusal = false;
  #hasCitations = false;
  /** What the open reasoning part is made of: plain text, or the detail's index and format. */
  #reasoningKey = "";
  /** The open part's text, as far as it came in plain fields. */
  #plainReasoning = "";
  #reasoningSigned = false;

  constructor(index: number, setting: ChoiceSetting) {
    this.index = index;
    this.#origin = setting.origin;
    this.#queue = new PartQueue(index);
    this.#calls = new ToolCalls(this.#queue, { answerId: setting.answerId, choice: index }, setting.names);
  }

  push(delta: JsonObject, logprobs: JsonObject | undefined, out: ChatEvent[]): void {
    this.#queue.out = out;
    this.#pushReasoning(delta);
    this.#pushContent(delta["content"], records(logprobs?.["content"]));
    this.#pushText("refusal", asString(delta["refusal"]) ?? "", records(logprobs?.["refusal"]));
    for (const image of asArray(delta["images"])) this.#pushImage(image);
    const audio = asObject(delta["audio"]);
    if (audio) this.#pushAudio(audio);
    const calls = delta["tool_calls"];
    if (Array.isArray(calls) && calls.length > 0) this.#pushCalls(calls);
    const legacy = asObject(delta["function_call"]);
    if (legacy) this.#calls.pushLegacy(legacy);
    for (const annotation of asArray(delta["annotations"])) this.#pushAnnotation(annotation);
    if (asArray(delta["executed_tools"]).length > 0)
      this.#pushHosted({ executed_tools: delta["executed_tools"] });
    this.#pushMessageSignature(delta);
    this.hasContent ||= this.#calls.count > 0;
  }

  /** Sources given beside the answer (Perplexity), where the text carries none of its own. */
  cite(citations: readonly Citation[], out: ChatEvent[]): void {
    if (this.#hasCitations) return;
    this.#queue.out = out;
    for (const citation of citations) this.#queue.citation(this.#textSlot("text"), citation);
  }

  finish(out: ChatEvent[]): void {
    this.#queue.out = out;
    this.#calls.nameAll();
    if (this.#early) this.#addEarly(this.#early);
    this.#queue.finish();
    const finish: Mutable<FinishEvent> = { type: "finish", choice: this.index, reason: this.#stopReason() };
    const native = this.nativeReason ?? this.finishReason;
    if (this.stopSequence !== undefined) finish.stopSequence = this.stopSequence;
    if (native) finish.native = native;
    if (this.finishDetail !== undefined) finish.detail = this.finishDetail;
    out.push(finish);
  }

  /** Signatures whose call never came. */
  #addEarly(early: ReadonlyMap<string, Opaque>): void {
    for (const [id, opaque] of early) this.#addState({ kind: "redacted", id, opaque });
  }

  #stopReason(): StopReason {
    const reason = lookUp(stopReasons, this.finishReason) ?? "stop";
    // Gemini-backed and local servers say `stop` after calls, too; calls that are there always win.
    if (reason === "stop" && this.#calls.count > 0) return "tool_calls";
    if (reason === "tool_calls" && this.#calls.count === 0) return "stop";
    if (reason === "stop" && this.stopSequence !== undefined) return "stop_sequence";
    return reason === "stop" && this.#hasRefusal ? "refusal" : reason;
  }

  #pushReasoning(delta: JsonObject): void {
    let hasText = false;
    for (const value of asArray(delta["reasoning_details"])) {
      const detail = parseDetail(value, this.#origin);
      if (!detail) continue;
      hasText ||= detail.text !== undefined;
      this.#pushDetail(detail);
    }
    if (hasText) return;
    const text = asString(delta["reasoning_content"]) || asString(delta["reasoning"]);
    if (text) this.#pushPlainReasoning(text);
  }

  #pushPlainReasoning(text: string): void {
    const slot = this.#reasoningSlot(PLAIN, { type: "reasoning", kind: "raw" });
    this.#plainReasoning += text;
    this.#queue.delta(slot, text);
  }

  /** A gateway like this one streams plain text and repeats all of it in the detail that carries its signature. */
  #isRepetition(text: string): boolean {
    const isAfterPlain = this.#reasoningKey === PLAIN && this.#queue.last?.start?.type === "reasoning";
    return isAfterPlain && !this.#reasoningSigned && this.#plainReasoning === text;
  }

  #pushDetail(detail: Detail): void {
    const { opaque, text, id } = detail;
    if (opaque && text === undefined && id !== undefined && detail.kind === "redacted") {
      const call = this.#calls.slotOf(id);
      if (call?.isOpen) return this.#queue.signature(call, opaque);
      if (opaque.kind === "google_thought_signature" && !call) {
        this.#early ??= new Map();
        this.#early.set(id, opaque);
        return;
      }
    }
    if (text !== undefined && !this.#isRepetition(text)) {
      const start: PartStart = { type: "reasoning", kind: detail.kind, ...(id !== undefined && { id }) };
      this.#queue.delta(this.#reasoningSlot(`${detail.format} ${detail.index ?? 0}`, start), text);
    }
    if (opaque) this.#addState({ ...detail, opaque });
  }

  /** State goes onto the reasoning it follows; where there is none, or that is signed already, it is a part alone. */
  #addState(state: { readonly kind: Detail["kind"]; readonly id?: string; readonly opaque: Opaque }): void {
    const last = this.#queue.last;
    const isOnReasoning =
      last?.start?.type === "reasoning" && !this.#reasoningSigned && state.kind !== "redacted";
    const slot =
      isOnReasoning && last
        ? last
        : this.#queue.begin({
            type: "reasoning",
            kind: "redacted",
            ...(state.id !== undefined && { id: state.id }),
          });
    this.#queue.signature(slot, state.opaque);
    this.#reasoningSigned = true;
  }

  #reasoningSlot(key: string, start: PartStart): Slot {
    const last = this.#queue.last;
    if (last?.start?.type === "reasoning" && this.#reasoningKey === key && !this.#reasoningSigned)
      return last;
    this.#reasoningKey = key;
    this.#plainReasoning = "";
    this.#reasoningSigned = false;
    return this.#queue.begin(start);
  }

  /** Text, or Mistral's list of parts with its thinking inside. */
  #pushContent(content: Json | undefined, logprobs: readonly JsonObject[] | undefined): void {
    if (typeof content === "string") return this.#pushText("text", content, logprobs);
    if (!Array.isArray(content)) return this.#pushText("text", "", logprobs);
    for (const part of content) {
      if (!isObject(part)) continue;
      if (part["type"] === "image_url") this.#pushImage(part);
      const thinking = part["thinking"];
      const thought = typeof thinking === "string" ? thinking : asArray(thinking).map(textOf).join("");
      if (thought)
        this.#queue.delta(this.#reasoningSlot("plain", { type: "reasoning", kind: "raw" }), thought);
      this.#pushText("text", asString(part["text"]) ?? "", undefined);
    }
  }

  #pushText(kind: "text" | "refusal", text: string, logprobs: readonly JsonObject[] | undefined): void {
    if (text === "" && logprobs === undefined) return;
    if (kind === "refusal") this.#hasRefusal = true;
    this.hasContent ||= text !== "";
    this.#queue.delta(this.#textSlot(kind), text, logprobs);
  }

  #textSlot(kind: "text" | "refusal"): Slot {
    const last = this.#queue.last;
    return last?.start?.type === kind ? last : this.#queue.begin({ type: kind });
  }

  #pushImage(value: Json): void {
    const holder = asObject(value)?.["image_url"];
    const url = asString(holder) ?? asString(asObject(holder)?.["url"]);
    const media = url === undefined ? undefined : parseMediaUrl(url);
    if (!media) return;
    this.hasContent = true;
    this.#queue.begin({ type: "image", media });
  }

  #pushAudio(audio: JsonObject): void {
    const data = asString(audio["data"]) ?? "";
    const transcript = asString(audio["transcript"]) ?? "";
    const id = asString(audio["id"]) || undefined;
    if (data === "" && transcript === "" && id === undefined) return;
    const last = this.#queue.last;
    const slot =
      last?.start?.type === "audio"
        ? last
        : this.#queue.begin({ type: "audio", ...(id !== undefined && { id }) });
    this.hasContent = true;
    if (data !== "") this.#queue.delta(slot, data);
    if (transcript !== "") this.#queue.transcript(slot, transcript);
  }

  #pushCalls(calls: readonly Json[]): void {
    this.#calls.push(calls, (id, call) => {
      const early = id === undefined ? undefined : this.#early?.get(id);
      if (id !== undefined) this.#early?.delete(id);
      return early ?? this.#googleSignature(call);
    });
  }

  #pushAnnotation(value: Json): void {
    if (!isObject(value)) return;
    const cited = asObject(value["url_citation"]) ?? value;
    const url = asString(cited["url"]);
    const title = asString(cited["title"]);
    const [start, end] = [cited["start_index"], cited["end_index"]];
    this.#hasCitations = true;
    this.#queue.citation(this.#textSlot("text"), {
      kind: value["type"] === "url_citation" ? "url" : "file",
      ...(url !== undefined && { url }),
      ...(title !== undefined && { title }),
      ...(typeof start === "number" && { start }),
      ...(typeof end === "number" && { end }),
      raw: { protocol: "openai-chat", value },
    });
  }

  #pushHosted(value: JsonObject): void {
    this.#queue.begin({ type: "hosted", protocol: "openai-chat", value });
  }

  /** Gemini's OpenAI layer signs the message: the signature belongs to its first call, else to its text. */
  #pushMessageSignature(delta: JsonObject): void {
    const opaque = this.#googleSignature(delta);
    const last = this.#queue.last;
    if (opaque && last?.isOpen) this.#queue.signature(last, opaque);
    else if (opaque) this.#addState({ kind: "redacted", opaque });
  }

  #googleSignature(holder: JsonObject): Opaque | undefined {
    const data = asString(asObject(asObject(holder["extra_content"])?.["google"])?.["thought_signature"]);
    if (!data) return undefined;
    const { model, route } = this.#origin;
    return {
      kind: "google_thought_signature",
      vendor: "google",
      ...(model !== undefined && { model }),
      ...(route !== undefined && { route }),
      data,
    };
  }
}

/** The key of reasoning that comes in plain fields. */
const PLAIN = "plain";

/** Words for an ordinary end. Unknown ones count as `stop`; those that mean trouble are the stream decoder's. */
const stopReasons: Readonly<Record<string, StopReason>> = {
  stop: "stop",
  eos: "stop",
  end_turn: "stop",
  stop_sequence: "stop",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  max_output_tokens: "length",
  tool_calls: "tool_calls",
  tool_use: "tool_calls",
  function_call: "tool_calls",
  content_filter: "content_filter",
  safety: "content_filter",
  refusal: "refusal",
};

function records(value: Json | undefined): readonly JsonObject[] | undefined {
  if (value === undefined) return undefined;
  const list = asArray(value).filter(isObject);
  return list.length === 0 ? undefined : list;
}

function textOf(value: Json): string {
  return asString(asObject(value)?.["text"]) ?? "";
}
