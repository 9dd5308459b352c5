/**
 * Reads one output item, from deltas or whole, into canonical events. A whole item is an item without deltas: what
 * was streamed already is not said twice, what was not is said at the end.
 *
 *   nothing open -> open part (deltas) -> next part ... -> finish: rest of the texts, opaque state, part_end
 *
 * The last part stays open until the item ends, because citations and encrypted reasoning come with its end.
 */
import { asArray, asNumber, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { toCitation } from "./citation.ts";
import { flatName } from "./decode-tools.ts";

export interface ItemReaderOptions {
  readonly dialect: Dialect;
  readonly emit: (event: ChatEvent) => void;
  readonly restoreName: (name: string) => string;
}

interface OpenPart {
  readonly slot: string;
  text: string;
  citations: number;
}

export class ItemReader {
  readonly #options: ItemReaderOptions;
  readonly #seen = new Set<string>();
  #open: OpenPart | undefined;
  #added: JsonObject;
  /** What the finish reason is derived from. */
  #kind: "call" | "refusal" | "other" = "other";

  constructor(added: JsonObject, options: ItemReaderOptions) {
    this.#added = added;
    this.#options = options;
  }

  get kind(): "call" | "refusal" | "other" {
    return this.#kind;
  }

  /** Whether a call's arguments are known; some servers leave them out until the whole answer is over. */
  get hasArguments(): boolean {
    return this.#seen.has("arguments");
  }

  /** Text of the part at `index`; `type` is the part's type on the wire. */
  contentDelta(type: string, index: number, text: string, logprobs: readonly JsonObject[] = []): void {
    if (text === "" && logprobs.length === 0) return;
    this.#delta(`content${index}`, this.#contentStart(type), text, logprobs);
  }

  /** The part's final form, perhaps with more than its deltas said. */
  contentDone(index: number, part: JsonObject): void {
    this.#contentDone(`content${index}`, part);
  }

  #contentDone(slot: string, part: JsonObject): void {
    const type = asString(part["type"]) ?? "output_text";
    const text = asString(part["text"]) ?? asString(part["refusal"]) ?? "";
    const logprobs = asArray(part["logprobs"]).filter(isObject);
    const annotations = asArray(part["annotations"]).filter(isObject);
    this.#rest(slot, this.#contentStart(type), { text, logprobs });
    if (this.#open?.slot !== slot) return;
    for (const annotation of annotations.slice(this.#open.citations)) this.#cite(slot, annotation);
  }

  annotation(index: number, annotation: JsonObject): void {
    this.#cite(`content${index}`, annotation);
  }

  #cite(slot: string, annotation: JsonObject): void {
    if (!this.#seen.has(slot)) this.#start(slot, { type: "text" });
    if (this.#open?.slot !== slot) return;
    this.#open.citations++;
    this.#options.emit({ type: "citation", choice: 0, citation: toCitation(annotation) });
  }

  summaryDelta(index: number, text: string): void {
    if (text !== "") this.#delta(`summary${index}`, this.#reasoningStart("summary"), text);
  }

  summaryDone(index: number, text: string): void {
    this.#rest(`summary${index}`, this.#reasoningStart("summary"), { text });
  }

  argumentsDelta(text: string): void {
    const start = this.#callStart(this.#added);
    // Without the call's name nothing can be said yet; the finished item repeats the whole text.
    if (start) this.#delta("arguments", start, text);
  }

  /** The finished item, or undefined where the server never finished it. */
  finish(item: JsonObject | undefined): void {
    if (item) {
      this.#added = { ...this.#added, ...item };
      this.#finishItem(this.#added);
    }
    this.#end();
  }

  #finishItem(item: JsonObject): void {
    switch (asString(item["type"])) {
      case "message":
        for (const [index, part] of asArray(item["content"]).entries()) {
          if (isObject(part)) this.#contentDone(this.#slotOf("content", index), part);
        }
        return;
      case "reasoning":
        return this.#finishReasoning(item);
      case "function_call":
      case "custom_tool_call": {
        const start = this.#callStart(item);
        const value = item["type"] === "custom_tool_call" ? item["input"] : item["arguments"];
        if (start) this.#rest("arguments", start, { text: argumentsText(value), isKept: true });
        return;
      }
      case undefined:
      default:
        this.#start("hosted", { type: "hosted", protocol: "openai-responses", value: item });
    }
  }

  #finishReasoning(item: JsonObject): void {
    for (const [index, part] of asArray(item["summary"]).entries()) {
      const text = asString(asObject(part)?.["text"]) ?? "";
      this.#rest(this.#slotOf("summary", index), this.#reasoningStart("summary"), { text });
    }
    for (const [index, part] of asArray(item["content"]).entries()) {
      const slot = this.#slotOf("content", index);
      if (isObject(part)) this.#contentDone(slot, { ...part, type: "reasoning_text" });
    }
    const opaque = opaqueOf(item, this.#options.dialect);
    if (!opaque) return;
    if (!this.#open) this.#start("state", this.#reasoningStart("redacted"));
    this.#options.emit({ type: "signature", choice: 0, opaque });
  }

  /**
   * The slot of a finished item's part. Some servers number the parts of their events in another way than the
   * item's list has them (Bedrock counts the thoughts in front), but the order is the same.
   */
  #slotOf(list: "content" | "summary", index: number): string {
    const slot = `${list}${index}`;
    if (this.#seen.has(slot)) return slot;
    const streamed = [...this.#seen].filter((name) => name.startsWith(list));
    return streamed[index] ?? slot;
  }

  #contentStart(type: string): PartStart {
    if (type === "refusal") return { type: "refusal" };
    const isThought = type === "reasoning_text" || this.#added["type"] === "reasoning";
    return isThought ? this.#reasoningStart("raw") : { type: "text" };
  }

  #reasoningStart(kind: "raw" | "summary" | "redacted"): PartStart {
    const id = asString(this.#added["id"]);
    return { type: "reasoning", kind, ...(id !== undefined && { id }) };
  }

  #callStart(item: JsonObject): PartStart | undefined {
    const name = asString(item["name"]);
    const itemId = asString(item["id"]);
    const id = asString(item["call_id"]) ?? itemId;
    if (name === undefined || id === undefined) return undefined;
    const namespace = asString(item["namespace"]);
    return {
      type: "tool_call",
      id,
      ...(itemId !== undefined && { itemId }),
      name: namespace === undefined ? this.#options.restoreName(name) : flatName(namespace, name),
      ...(item["type"] === "custom_tool_call" && { custom: true }),
      ...(namespace !== undefined && { namespace }),
      ...(item["caller"] && {
        raw: { protocol: "openai-responses", value: { caller: item["caller"] } } as const,
      }),
    };
  }

  #delta(slot: string, start: PartStart, text: string, logprobs: readonly JsonObject[] = []): void {
    if (this.#open?.slot !== slot) {
      // A part that was closed cannot be opened again; its text went out with its deltas.
      if (this.#seen.has(slot)) return;
      this.#start(slot, start);
    }
    if (this.#open) this.#open.text += text;
    this.#options.emit({ type: "delta", choice: 0, text, ...(logprobs.length > 0 && { logprobs }) });
  }

  /** Says what the deltas left out. Texts that differ stay as streamed: what was said cannot be taken back. */
  #rest(
    slot: string,
    start: PartStart,
    final: { readonly text: string; readonly logprobs?: readonly JsonObject[]; readonly isKept?: boolean },
  ): void {
    if (this.#seen.has(slot)) {
      const said = this.#open?.slot === slot ? this.#open.text : undefined;
      if (said === undefined || !final.text.startsWith(said) || said === final.text) return;
      return this.#delta(slot, start, final.text.slice(said.length));
    }
    if (final.text !== "") return this.#delta(slot, start, final.text, final.logprobs);
    if (final.isKept) this.#start(slot, start);
  }

  #start(slot: string, part: PartStart): void {
    this.#end();
    this.#seen.add(slot);
    this.#open = { slot, text: "", citations: 0 };
    if (part.type === "tool_call") this.#kind = "call";
    if (part.type === "refusal") this.#kind = "refusal";
    this.#options.emit({ type: "part_start", choice: 0, part });
  }

  #end(): void {
    if (this.#open) this.#options.emit({ type: "part_end", choice: 0 });
    this.#open = undefined;
  }
}

/** Some servers send the arguments as an object. */
function argumentsText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return isObject(value) ? JSON.stringify(value) : "";
}

/** OpenRouter sends Anthropic's signature under its own name. */
function opaqueOf(item: JsonObject, { vendor, model, route }: Dialect): Opaque | undefined {
  const encrypted = asString(item["encrypted_content"]);
  if (encrypted) return { kind: "openai_encrypted", vendor, model, route, data: encrypted };
  const signature = asString(item["signature"]);
  return signature && vendor === "anthropic"
    ? { kind: "anthropic_signature", vendor, model, route, data: signature }
    : undefined;
}

/** An index on the wire, 0 where a server leaves it out. */
export function indexOf(value: Json | undefined): number {
  return asNumber(value) ?? 0;
}
