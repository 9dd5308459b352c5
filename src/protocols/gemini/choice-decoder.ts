/**
 * One candidate's chunks as events. Parts in chunks are deltas: neighbouring unsigned text joins one part, a signed
 * part always stands alone and in its place (Google: never merge a signed part with another), also when its text is
 * empty. A signature goes before the text it signs, so that an encoder can still write both in one part.
 *
 *   idle -> text | thought --(other kind, signed part, finish)--> idle
 *   idle -> call --(last fragment, other kind, finish)--> idle
 */
import { asArray, asObject, asString, isObject, type JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Citation } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { placeCitation, readCitations, type PendingCitation } from "./decode-citations.ts";
import { decodeLogprobs } from "./decode-logprobs.ts";
import { decodeWholePart } from "./decode-whole-part.ts";
import { CONTINUATION, finishWord, stopReason, type Produced } from "./finish-reason.ts";
import { PartialArguments } from "./partial-arguments.ts";
import type { CallName } from "./tool-names.ts";

export interface ChoiceContext {
  readonly dialect: Dialect;
  readonly nameOf: (wireName: string) => CallName;
  /** The id to report for a call that came with this one, or with none. */
  readonly callId: (given: string | undefined) => string;
}

type Open =
  | { readonly kind: "text" | "reasoning"; text: string }
  | { readonly kind: "call"; readonly custom: boolean; readonly arguments: PartialArguments }
  | undefined;

export class ChoiceDecoder {
  readonly #choice: number;
  readonly #context: ChoiceContext;
  #open: Open;
  #events: ChatEvent[] = [];
  #pending: PendingCitation[] = [];
  readonly #citationsSeen = new Set<string>();
  readonly #produced: Mutable<Produced> = { hasCalls: false, hasContent: false };
  #word: string | undefined;
  #message: string | undefined;
  /** Where a later request may take the answer up: long answers name several such places, the last one counts. */
  #continuation: string | undefined;

  constructor(choice: number, context: ChoiceContext) {
    this.#choice = choice;
    this.#context = context;
  }

  get isFinished(): boolean {
    return this.#word !== undefined;
  }

  get hasContent(): boolean {
    return this.#produced.hasContent || this.#produced.hasCalls;
  }

  push(candidate: JsonObject): readonly ChatEvent[] {
    this.#collectCitations(candidate);
    const content = asObject(candidate["content"]);
    const parts = content?.["parts"];
    if (isObject(parts)) this.#part(parts);
    else for (const part of asArray(parts)) if (isObject(part)) this.#part(part);
    this.#attachLogprobs(candidate);
    this.#word = finishWord(candidate["finishReason"], this.#context.dialect.host) ?? this.#word;
    this.#message = asString(candidate["finishMessage"]) ?? this.#message;
    this.#continuation = asString(candidate["continuationToken"]) || this.#continuation;
    return this.#take();
  }

  /** The candidate's end. `broken`: it ended in a fault with nothing usable, and `native` is Google's word for it. */
  finish(): { readonly events: readonly ChatEvent[]; readonly broken?: string } {
    this.#close();
    this.#placeLeftCitations();
    const word = this.#word ?? "STOP";
    const reason = stopReason(word, this.#produced);
    if (reason === "broken") return { events: this.#take(), broken: word };
    const detail = this.#message !== undefined && { detail: { message: this.#message } };
    const continuation = word === CONTINUATION ? this.#continuation : undefined;
    this.#emit({
      type: "finish",
      choice: this.#choice,
      reason,
      native: word,
      ...detail,
      ...(continuation !== undefined && { continuation }),
    });
    return { events: this.#take() };
  }

  // ---- parts ----------------------------------------------------------------------------------------------------

  #part(part: JsonObject): void {
    const signature = asString(part["thoughtSignature"]) || undefined;
    const call = asObject(part["functionCall"]);
    if (call) return this.#call(call, signature);
    const text = asString(part["text"]);
    const kind = part["thought"] === true ? "reasoning" : "text";
    if (text !== undefined) return this.#text(kind, text, signature);
    const whole = decodeWholePart(part);
    // A signature alone is an empty text that was written without its text.
    if (!whole && signature !== undefined) return this.#text(kind, "", signature);
    if (!whole) return;
    this.#close();
    this.#produced.hasContent = true;
    this.#start(whole.start);
    this.#sign(signature);
    if (whole.text !== "") this.#delta(whole.text);
    this.#end();
  }

  #text(kind: "text" | "reasoning", text: string, signature: string | undefined): void {
    if (signature === undefined && text === "") return;
    if (this.#open?.kind !== kind || signature !== undefined) {
      this.#close();
      this.#start(kind === "text" ? { type: "text" } : { type: "reasoning", kind: "summary" });
      this.#open = { kind, text: "" };
    }
    this.#sign(signature);
    if (text !== "") this.#delta(text);
    if (this.#open?.kind === kind) this.#open.text += text;
    if (kind === "text" && text !== "") this.#produced.hasContent = true;
    if (signature !== undefined) this.#close();
  }

  #call(call: JsonObject, signature: string | undefined): void {
    const name = asString(call["name"]);
    if (name !== undefined && name !== "") this.#openCall(name, asString(call["id"]));
    // A fragment without a call before it: the terminator of one that ended already.
    if (this.#open?.kind !== "call") return;
    this.#sign(signature);
    this.#open.arguments.assign(call["args"]);
    this.#open.arguments.add(call["partialArgs"]);
    if (call["willContinue"] !== true) this.#close();
  }

  #openCall(wireName: string, id: string | undefined): void {
    this.#close();
    this.#produced.hasCalls = true;
    const tool = this.#context.nameOf(wireName);
    this.#start({ type: "tool_call", id: this.#context.callId(id || undefined), ...tool });
    this.#open = { kind: "call", custom: tool.custom === true, arguments: new PartialArguments() };
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    if (open.kind === "call") {
      const text = open.arguments.toText();
      this.#delta(open.custom ? freeText(text) : text);
    }
    if (open.kind === "text") this.#placeCitations(open.text);
    this.#end();
  }

  // ---- citations and logprobs ------------------------------------------------------------------------------------

  #collectCitations(candidate: JsonObject): void {
    for (const pending of readCitations(candidate)) {
      const key = JSON.stringify(pending.citation.raw);
      if (this.#citationsSeen.has(key)) continue;
      this.#citationsSeen.add(key);
      this.#pending.push(pending);
    }
  }

  #placeCitations(text: string): void {
    this.#pending = this.#pending.filter((pending) => {
      const citation = placeCitation(pending, text);
      if (citation) this.#cite(citation);
      return !citation;
    });
  }

  /** Citations of no known place still name their source: they hang on an empty text. */
  #placeLeftCitations(): void {
    if (this.#pending.length === 0) return;
    this.#start({ type: "text" });
    for (const { citation } of this.#pending) this.#cite(citation);
    this.#end();
    this.#pending = [];
  }

  #cite(citation: Citation): void {
    this.#emit({ type: "citation", choice: this.#choice, citation });
  }

  /** Log probabilities come per chunk; they go with the chunk's last text. */
  #attachLogprobs(candidate: JsonObject): void {
    const logprobs = decodeLogprobs(candidate["logprobsResult"]);
    if (logprobs.length === 0) return;
    const index = this.#events.findLastIndex((event) => event.type === "delta");
    const event = this.#events[index];
    if (event?.type === "delta") this.#events[index] = { ...event, logprobs };
    else if (this.#open) this.#emit({ type: "delta", choice: this.#choice, text: "", logprobs });
  }

  // ---- events ----------------------------------------------------------------------------------------------------

  #start(part: PartStart): void {
    this.#emit({ type: "part_start", choice: this.#choice, part });
  }

  #sign(data: string | undefined): void {
    if (data === undefined) return;
    const { model, route } = this.#context.dialect;
    const opaque = { kind: "google_thought_signature", vendor: "google", model, route, data } as const;
    this.#emit({ type: "signature", choice: this.#choice, opaque });
  }

  #delta(text: string): void {
    this.#emit({ type: "delta", choice: this.#choice, text });
  }

  #end(): void {
    this.#emit({ type: "part_end", choice: this.#choice });
  }

  #emit(event: ChatEvent): void {
    this.#events.push(event);
  }

  #take(): readonly ChatEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/** A custom tool's text stands in `input`; a model that answered otherwise gets its words passed as they are. */
function freeText(argumentsText: string): string {
  const input = asObject(JSON.parse(argumentsText))?.["input"];
  return asString(input) ?? argumentsText;
}
