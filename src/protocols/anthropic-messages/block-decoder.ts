/**
 * Content blocks of an answer to canonical parts, for streams and whole answers alike.
 *
 *   none -> open(block) -> delta* -> close -> none
 *
 * Tolerant: text given with the block's start counts, a delta without a block opens one of its kind, an open block is
 * closed by the next. Hosted blocks are collected and leave whole, because their deltas mean nothing to other APIs.
 */
import { asArray, asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import { shallowObject } from "#lib/shallow-object.ts";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { decodeCitation } from "./citation.ts";
import { callExtras } from "./decode-messages.ts";
import type { ReplyRules } from "./reply-rules.ts";

type OpenBlock =
  | { readonly kind: "text" }
  /** An emulated answer: the call of a tool we added, whose input is the text. */
  | { readonly kind: "answer"; readonly input: JsonObject | undefined; hasDelta: boolean }
  | { readonly kind: "thinking"; hasSignature: boolean }
  | { readonly kind: "call"; readonly input: JsonObject | undefined; hasDelta: boolean }
  /** A custom tool's call: its text is known when its JSON is complete. */
  | { readonly kind: "custom"; readonly input: JsonObject | undefined; json: string }
  | { readonly kind: "hosted"; value: JsonObject; json: string };

export class BlockDecoder {
  readonly #dialect: Dialect;
  readonly #rules: ReplyRules;
  #open: OpenBlock | undefined;
  /** Blocks opened so far, for ids where the upstream gives none. */
  #count = 0;
  messageId = "";
  /** Whether a call the client has to answer was seen. */
  hasCall = false;

  constructor(dialect: Dialect, rules: ReplyRules) {
    this.#dialect = dialect;
    this.#rules = rules;
  }

  get hasContent(): boolean {
    return this.#count > 0;
  }

  open(block: JsonObject): readonly ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const event of this.close()) events.push(event);
    const type = asString(block["type"]);
    if (type === undefined) return events;
    this.#count += 1;
    switch (type) {
      case "text":
        this.#open = { kind: "text" };
        events.push(partStart({ type: "text" }), ...textOf(block["text"]));
        for (const citation of asArray(block["citations"])) events.push(...this.#citation(citation));
        return events;
      case "thinking":
        this.#open = { kind: "thinking", hasSignature: false };
        events.push(partStart({ type: "reasoning", kind: "summary" }), ...textOf(block["thinking"]));
        events.push(...this.#signature(block["signature"]));
        return events;
      case "redacted_thinking": {
        const data = asString(block["data"]) ?? "";
        const opaque: Opaque = { ...this.#origin(), kind: "anthropic_redacted", data };
        events.push(partStart({ type: "reasoning", kind: "redacted" }));
        events.push({ type: "signature", choice: 0, opaque }, PART_END);
        return events;
      }
      case "tool_use":
        events.push(...this.#openCall(block));
        return events;
      default:
        this.#open = { kind: "hosted", value: block, json: "" };
        return events;
    }
  }

  #openCall(block: JsonObject): readonly ChatEvent[] {
    const name = asString(block["name"]) ?? "";
    const input = asObject(block["input"]);
    const given = input === undefined || Object.keys(input).length === 0 ? undefined : input;
    if (this.#rules.answerTool === name) {
      this.#open = { kind: "answer", input: given, hasDelta: false };
      return [partStart({ type: "text" })];
    }
    this.hasCall = true;
    const known = this.#rules.toolNames?.original(name);
    const isCustom = known?.custom === true;
    this.#open = isCustom
      ? { kind: "custom", input: given, json: "" }
      : { kind: "call", input: given, hasDelta: false };
    const id = asString(block["id"]);
    return [
      partStart({
        type: "tool_call",
        id: id === undefined || id === "" ? `toolu_${this.messageId}_${this.#count}` : id,
        name,
        ...known,
        ...callExtras(block),
      }),
    ];
  }

  delta(delta: JsonObject): readonly ChatEvent[] {
    switch (asString(delta["type"]) ?? "") {
      case "text_delta":
        // The usual delta by far: no list but the one that leaves.
        if (this.#open?.kind === "text") return textOf(delta["text"]);
        return [...this.#ensure("text"), ...textOf(delta["text"])];
      case "thinking_delta":
        return [...this.#ensure("thinking"), ...textOf(delta["thinking"])];
      case "signature_delta":
        return [...this.#ensure("thinking"), ...this.#signature(delta["signature"])];
      case "citations_delta":
        return this.#open?.kind === "text" ? this.#citation(delta["citation"]) : [];
      case "input_json_delta":
        return this.#inputDelta(asString(delta["partial_json"]) ?? "");
      default:
        if (this.#open?.kind === "hosted") this.#open.value = mergeDelta(this.#open.value, delta);
        return [];
    }
  }

  /** Opens a block for a delta that came without one. */
  #ensure(kind: "text" | "thinking"): readonly ChatEvent[] {
    return this.#open?.kind === kind ? NONE : this.open({ type: kind });
  }

  #inputDelta(json: string): readonly ChatEvent[] {
    const open = this.#open;
    if (open === undefined || json === "") return NONE;
    switch (open.kind) {
      case "call":
      case "answer":
        open.hasDelta = true;
        return [{ type: "delta", choice: 0, text: json }];
      case "custom":
      case "hosted":
        open.json += json;
        return NONE;
      case "text":
      case "thinking":
        return NONE;
    }
  }

  close(): readonly ChatEvent[] {
    const open = this.#open;
    if (open === undefined) return NONE;
    this.#open = undefined;
    switch (open.kind) {
      case "text":
        return [PART_END];
      case "thinking":
        return open.hasSignature ? [PART_END] : [this.#unsigned(), PART_END];
      case "call":
      case "answer":
        return open.hasDelta ? [PART_END] : [...textOf(JSON.stringify(open.input ?? {})), PART_END];
      case "custom":
        return [...textOf(customText(open)), PART_END];
      case "hosted": {
        const value = open.json === "" ? open.value : { ...open.value, input: hostedInput(open.json) };
        return [partStart({ type: "hosted", protocol: "anthropic-messages", value }), PART_END];
      }
    }
  }

  #citation(value: unknown): readonly ChatEvent[] {
    return isObject(value) ? [{ type: "citation", choice: 0, citation: decodeCitation(value) }] : NONE;
  }

  #signature(value: unknown): readonly ChatEvent[] {
    const data = asString(value);
    if (data === undefined || data === "" || this.#open?.kind !== "thinking") return NONE;
    this.#open.hasSignature = true;
    const opaque: Opaque = { ...this.#origin(), kind: "anthropic_signature", data };
    return [{ type: "signature", choice: 0, opaque }];
  }

  #unsigned(): ChatEvent {
    return { type: "signature", choice: 0, opaque: { ...this.#origin(), kind: "unsigned", data: "" } };
  }

  /** Anthropic takes its signatures back from any account; another maker's belong to where they came from. */
  #origin(): Pick<Opaque, "vendor" | "model" | "route"> {
    const { vendor, model, route } = this.#dialect;
    return vendor === "anthropic" ? { vendor, model } : { vendor, model, route };
  }
}

const NONE: readonly ChatEvent[] = [];
const PART_END: ChatEvent = { type: "part_end", choice: 0 };

function partStart(part: PartStart): ChatEvent {
  return { type: "part_start", choice: 0, part };
}

function textOf(value: unknown): readonly ChatEvent[] {
  return typeof value === "string" && value !== "" ? [{ type: "delta", choice: 0, text: value }] : NONE;
}

/** `{"input": text}` unwrapped; JSON that is anything else is the text itself. */
function customText(open: Extract<OpenBlock, { kind: "custom" }>): string {
  const input = open.json === "" ? open.input : parseJson(open.json);
  const text = isObject(input) ? input["input"] : undefined;
  if (typeof text === "string") return text;
  return open.json === "" ? JSON.stringify(open.input ?? {}) : open.json;
}

function hostedInput(json: string): JsonObject {
  return shallowObject(json) ?? { _raw: json };
}

/** A delta new to us: text fields grow, others are replaced. */
function mergeDelta(value: JsonObject, delta: JsonObject): JsonObject {
  const { type: _, ...fields } = delta;
  const grown = Object.entries(fields).map(([name, piece]) => {
    const before = value[name];
    return [name, typeof piece === "string" && typeof before === "string" ? before + piece : piece];
  });
  return { ...value, ...Object.fromEntries(grown) };
}
