/**
 * An upstream's stream of chunks as canonical events.
 *
 * When is an answer complete? Every choice that began needs a `finish_reason`; then `[DONE]` or the end of the body
 * may follow, and some servers send no `[DONE]`. One tolerated exception (Snowflake): no `finish_reason` ever, but a
 * usage report in a chunk of its own and then `[DONE]`: counts are only known when generation is over. Anything else
 * - `[DONE]` alone, or the body just ending - is a cut answer and becomes `upstream_broken`.
 */
import { asArray, asNumber, asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { SseFrame } from "#lib/sse.ts";
import type { Chat, Citation } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect, StreamDecoder } from "#protocols/protocol.ts";
import { ChoiceDecoder } from "./choice-decoder.ts";
import { embeddedFailure } from "./decode-failure.ts";
import type { Origin } from "./reasoning-details.ts";
import { TextChunk } from "./text-chunk.ts";
import { decodeUsage, findUsage } from "./usage.ts";
import { WireNames } from "./wire-names.ts";

export function createStreamDecoder(dialect: Dialect, chat?: Chat): StreamDecoder {
  return new ChatStreamDecoder(dialect, chat);
}

const NONE: readonly ChatEvent[] = [];
type StartEvent = Extract<ChatEvent, { type: "start" }>;
/** More alternatives than any API allows; a bound against a hostile upstream. */
const CHOICES_MAX = 128;

export class ChatStreamDecoder implements StreamDecoder {
  readonly #origin: Origin;
  readonly #names: WireNames;
  readonly #asksUsage: boolean;
  readonly #choices: ChoiceDecoder[] = [];
  #hasStarted = false;
  /** After `end` or `error` nothing may follow. */
  #isOver = false;
  #sawDone = false;
  /** A chunk with usage and no choice came after content. */
  #sawClosingUsage = false;
  #isUsageOnly = false;
  #id = "";
  #sources: readonly Citation[] = [];
  readonly #textChunk = new TextChunk();

  constructor(dialect: Dialect, chat?: Chat) {
    this.#origin = { route: dialect.route, model: dialect.model };
    this.#names = WireNames.of(dialect, chat);
    this.#asksUsage = chat?.includeUsage === true;
  }

  push(frame: SseFrame): readonly ChatEvent[] {
    this.#isUsageOnly = false;
    const data = frame.data.trim();
    if (this.#isOver || data === "") return NONE;
    if (data === "[DONE]") {
      this.#sawDone = true;
      return NONE;
    }
    const isError = frame.event === "error";
    const text = isError ? undefined : this.#textChunk.read(data);
    if (text) return [text];
    const chunk = parseJson(data);
    if (isObject(chunk)) {
      const events = this.pushChunk(chunk, isError);
      this.#textChunk.note(data, chunk, events);
      return events;
    }
    return this.#fail(new Failure("upstream_broken", "The upstream sent a stream event that is not JSON."));
  }

  /** Whether the frame just pushed was only a usage report: what a caller who did not ask for usage must not see. */
  isHidden(): boolean {
    return this.#isUsageOnly && !this.#asksUsage;
  }

  get missingEnd(): string {
    return this.#sawDone ? "" : "data: [DONE]\n\n";
  }

  end(): readonly ChatEvent[] {
    if (this.#isOver) return NONE;
    const isClosed =
      this.#sawDone && this.#sawClosingUsage && this.#choices.some((choice) => choice.hasContent);
    return isClosed ? this.finishAll() : this.#endOfBody();
  }

  pushChunk(chunk: JsonObject, isError = false): readonly ChatEvent[] {
    const failure = embeddedFailure(isError && !chunk["error"] ? { error: chunk } : chunk);
    return failure ? this.#fail(failure) : this.#push(chunk, false);
  }

  /**
   * A whole answer, known to be complete: each choice's message is one big delta, and the position stands in for a
   * missing index.
   */
  decodeWhole(body: JsonObject): readonly ChatEvent[] {
    const events = this.#push(body, true);
    return this.#isOver ? events : this.finishAll(events);
  }

  #push(chunk: JsonObject, isWhole: boolean): ChatEvent[] {
    const out: ChatEvent[] = [];
    const choices = asArray(chunk["choices"]);
    const usage = findUsage(chunk, asObject(choices[0]));
    // Azure's first chunk has neither id, model nor choices: it tells of the prompt's filters, not of an answer.
    if (!this.#hasStarted && (choices.length > 0 || usage)) this.#start(chunk, out);
    this.#sources = readSources(chunk) ?? this.#sources;
    let trouble: Failure | undefined;
    let isBare = true;
    for (let position = 0; position < choices.length; position++) {
      const value = choices[position];
      if (!isObject(value)) continue;
      const before = out.length;
      trouble ??= this.#pushChoice(value, isWhole ? position : undefined, out);
      if (out.length > before || asString(value["finish_reason"])) isBare = false;
    }
    if (usage) {
      out.push({ type: "usage", usage: decodeUsage(usage, asString(chunk["service_tier"])) });
      this.#isUsageOnly = isBare && this.#choices.length > 0;
      if (choices.length === 0) this.#sawClosingUsage = true;
    }
    if (trouble) out.push(...this.#fail(trouble));
    return out;
  }

  /** The answer is known to be whole: choices without a reason end as their content tells. */
  finishAll(out: ChatEvent[] = []): readonly ChatEvent[] {
    for (const choice of this.#choices) if (choice.finishReason === undefined) this.#finish(choice, out);
    out.push({ type: "end" });
    this.#isOver = true;
    return out;
  }

  #endOfBody(): readonly ChatEvent[] {
    const isComplete =
      this.#choices.length > 0 && this.#choices.every((choice) => choice.finishReason !== undefined);
    if (!isComplete) {
      const what = this.#choices.length === 0 ? "without an answer" : "in the middle of its answer";
      return this.#fail(new Failure("upstream_broken", `The upstream's stream ended ${what}.`));
    }
    this.#isOver = true;
    return [{ type: "end" }];
  }

  #start(chunk: JsonObject, out: ChatEvent[]): void {
    this.#hasStarted = true;
    const id = asString(chunk["id"]);
    const model = asString(chunk["model"]);
    const created = asNumber(chunk["created"]);
    const start: Mutable<StartEvent> = { type: "start" };
    if (id) this.#id = start.id = id;
    if (model) start.model = model;
    if (created !== undefined && created > 0) start.createdAtSeconds = created;
    out.push(start);
  }

  /** Gives the trouble a choice ends in, if it does. `position`: where it stands in a whole answer. */
  #pushChoice(value: JsonObject, position: number | undefined, out: ChatEvent[]): Failure | undefined {
    const choice = this.#choice(asNumber(value["index"]) ?? position ?? 0);
    if (!choice || choice.finishReason !== undefined) return undefined;
    // A whole message in a stream's choice (Perplexity) repeats what its deltas said.
    const delta = asObject(value[position === undefined ? "delta" : "message"]) ?? otherDelta(value);
    if (delta) choice.push(delta, asObject(value["logprobs"]), out);
    const reason = asString(value["finish_reason"]);
    choice.nativeReason = asString(value["native_finish_reason"]) || choice.nativeReason;
    choice.stopSequence = asString(value["stop_reason"]) || choice.stopSequence;
    const detail = value["content_filter_results"] ?? value["error"];
    if (detail !== undefined && detail !== null) choice.finishDetail = detail;
    if (!reason) return undefined;
    const trouble = troubleOf(reason, value);
    if (trouble) return trouble;
    choice.finishReason = reason;
    this.#finish(choice, out);
    return undefined;
  }

  #finish(choice: ChoiceDecoder, out: ChatEvent[]): void {
    if (choice.index === 0) choice.cite(this.#sources, out);
    choice.finish(out);
  }

  #choice(index: number): ChoiceDecoder | undefined {
    const known = this.#known(index);
    if (known || this.#choices.length >= CHOICES_MAX || !Number.isInteger(index) || index < 0) return known;
    if (index >= CHOICES_MAX) return undefined;
    const choice = new ChoiceDecoder(index, {
      origin: this.#origin,
      answerId: this.#id,
      names: this.#names,
    });
    this.#choices.push(choice);
    return choice;
  }

  #known(index: number): ChoiceDecoder | undefined {
    for (const choice of this.#choices) if (choice.index === index) return choice;
    return undefined;
  }

  #fail(failure: Failure): readonly ChatEvent[] {
    this.#isOver = true;
    return [{ type: "error", failure }];
  }
}

function otherDelta(choice: JsonObject): JsonObject | undefined {
  return asObject(choice["message"]) ?? asObject(choice["delta"]);
}

/** Finish reasons that say the answer was not finished at all. */
function troubleOf(reason: string, choice: JsonObject): Failure | undefined {
  switch (reason) {
    case "error": {
      const said = embeddedFailure({ error: choice["error"] });
      return said ?? new Failure("upstream_failed", "The upstream failed in the middle of its answer.");
    }
    case "insufficient_system_resource":
      return new Failure(
        "upstream_overloaded",
        "The upstream ran out of capacity in the middle of its answer.",
      );
    case "abort":
    case "cancelled":
      return new Failure("upstream_broken", "The upstream broke its answer off.");
    default:
      return undefined;
  }
}

/** Perplexity's `search_results` or bare `citations`, the same list in every chunk. */
function readSources(chunk: JsonObject): readonly Citation[] | undefined {
  // Nearly every chunk has neither.
  if (chunk["search_results"] === undefined && chunk["citations"] === undefined) return undefined;
  const results = asArray(chunk["search_results"]).flatMap((result): Citation[] => {
    const url = asString(asObject(result)?.["url"]);
    const title = asString(asObject(result)?.["title"]);
    return url === undefined ? [] : [{ kind: "url", url, ...(title !== undefined && { title }) }];
  });
  if (results.length > 0) return results;
  const urls = asArray(chunk["citations"]).filter((url) => typeof url === "string");
  return urls.length === 0 ? undefined : urls.map((url) => ({ kind: "url", url }));
}
