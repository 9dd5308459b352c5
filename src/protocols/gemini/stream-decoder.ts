/**
 * `streamGenerateContent` frames, and whole answers, as events. The stream has no end marker: it ends properly when the
 * body ends and every candidate has said why it stopped (or the prompt was blocked). Finish and usage wait for that end,
 * because Google may send content and better counts after the first `finishReason`.
 *
 *   new --chunk--> open --chunk*--> open --end()--> done (end | error)
 *         \--------- {"error"} or unreadable frame, at any point ----> failed
 */
import { asArray, asNumber, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";
import type { SseFrame } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect, StreamDecoder } from "#protocols/protocol.ts";
import { madeCallId } from "./call-id.ts";
import { ChoiceDecoder, type ChoiceContext } from "./choice-decoder.ts";
import { decodeStreamError, readError } from "./decode-failure.ts";
import { decodeUsage } from "./decode-usage.ts";
import { CONTINUATION } from "./finish-reason.ts";
import { modelRules } from "./model-rules.ts";
import { createNameReader } from "./tool-names.ts";

export function createStreamDecoder(dialect: Dialect, chat?: Chat): StreamDecoder {
  return new GeminiStreamDecoder(dialect, chat);
}

/** A whole answer is one chunk, or an array of chunks where a stream came as JSON. */
export function decodeReply(body: unknown, dialect: Dialect, chat?: Chat): readonly ChatEvent[] {
  const decoder = new GeminiStreamDecoder(dialect, chat);
  return [...decoder.pushValue(body), ...decoder.end()];
}

/** More candidates than Google ever makes; an index beyond would only grow lists. */
const CANDIDATES_MAX = 8;

const NONE: readonly ChatEvent[] = [];
/** What may follow the news that the answer goes on elsewhere: a token and counts, with room for odd servers. */
const WITHHELD_CHARS_MAX = 1024 * 1024;

class GeminiStreamDecoder implements StreamDecoder {
  readonly #context: ChoiceContext;
  readonly #choices = new Map<number, ChoiceDecoder>();
  readonly #callIds = new Set<string>();
  #seed: string | undefined;
  #usageMetadata: JsonObject | undefined;
  #blockReason: string | undefined;
  #isOver = false;
  /** From the chunk on that says the answer goes on elsewhere: whether it is joined here is decided at the end. */
  #isWithholding = false;
  #withheld = "";

  constructor(dialect: Dialect, chat: Chat | undefined) {
    this.#context = {
      dialect,
      nameOf: createNameReader(chat, modelRules(dialect.model).toolNameCharsMax),
      callId: (given) => this.#callId(given),
    };
  }

  push(frame: SseFrame): readonly ChatEvent[] {
    if (this.#isOver) return [];
    if (this.#withheld.length > WITHHELD_CHARS_MAX) return this.#fail(endless());
    // An error may come as bare JSON, and a stream without `alt=sse` as one array: neither has `data:` lines.
    const text = (frame.data === "" ? frame.raw : frame.data).trim();
    if (frame.data === "" && !/^[[{]/.test(text)) return NONE;
    if (text === "[DONE]") return NONE;
    const value = parseJson(text);
    return value === undefined ? this.#fail(unreadable()) : this.pushValue(value);
  }

  /** Servers that imitate this API may end as OpenAI's does; Google's reader would choke on it. */
  isHidden(frame: SseFrame): boolean {
    if (this.#isWithholding) this.#withheld += frame.raw;
    return this.#isWithholding || frame.data.trim() === "[DONE]";
  }

  get missingEnd(): string {
    return this.#withheld;
  }

  pushValue(value: unknown): readonly ChatEvent[] {
    return Array.isArray(value) ? value.flatMap((chunk) => this.#chunk(chunk)) : this.#chunk(value);
  }

  end(): readonly ChatEvent[] {
    if (this.#isOver) return [];
    const finished = this.#finishChoices();
    if (finished.failure) return [...finished.events, ...this.#fail(finished.failure)];
    this.#isOver = true;
    const usage = decodeUsage(this.#usageMetadata, true);
    return [...finished.events, ...(usage ? [{ type: "usage", usage } as const] : []), { type: "end" }];
  }

  #finishChoices(): { readonly events: readonly ChatEvent[]; readonly failure?: Failure } {
    const choices = [...this.#choices.values()];
    if (this.#blockReason !== undefined && !choices.some((choice) => choice.hasContent)) {
      const finish = { type: "finish", choice: 0, reason: "refusal", native: this.#blockReason } as const;
      return { events: [finish] };
    }
    if (choices.length === 0 || choices.some((choice) => !choice.isFinished))
      return { events: [], failure: cutOff() };
    const results = choices.map((choice) => choice.finish());
    const events = results.flatMap((result) => result.events);
    const broken = results.find((result) => result.broken !== undefined)?.broken;
    return { events, ...(broken !== undefined && { failure: unusable(broken) }) };
  }

  #chunk(value: unknown): readonly ChatEvent[] {
    if (this.#isOver) return [];
    const chunk = asObject(value);
    if (!chunk) return this.#fail(unreadable());
    const error = readError(chunk);
    if (error) return this.#fail(decodeStreamError(error));
    const metadata = asObject(chunk["usageMetadata"]);
    if (metadata) this.#usageMetadata = mergeMetadata(this.#usageMetadata, metadata);
    const start = this.#start(chunk);
    this.#blockReason = blockWord(asObject(chunk["promptFeedback"])) ?? this.#blockReason;
    const candidates = asArray(chunk["candidates"]);
    // The usual chunk goes on with the one candidate there is.
    if (candidates.length === 1 && start.length === 0) return this.#candidate(candidates[0], 0);
    return [...start, ...candidates.flatMap((candidate, position) => this.#candidate(candidate, position))];
  }

  #candidate(value: unknown, position: number): readonly ChatEvent[] {
    const candidate = asObject(value);
    if (!candidate) return NONE;
    this.#isWithholding ||= candidate["finishReason"] === CONTINUATION;
    return this.#choiceAt(asNumber(candidate["index"]) ?? position).push(candidate);
  }

  #start(chunk: JsonObject): readonly ChatEvent[] {
    if (this.#seed !== undefined) return NONE;
    const id = asString(chunk["responseId"]);
    const model = asString(chunk["modelVersion"]);
    const createdAtMs = Date.parse(asString(chunk["createTime"]) ?? "");
    this.#seed = id ?? Bun.hash(JSON.stringify(chunk)).toString(36);
    // The prompt's count is final from the start; the output's is not, and must not be booked.
    const {
      output: _,
      reasoning: __,
      audioOutput: ___,
      imageOutput: ____,
      ...usage
    } = decodeUsage(this.#usageMetadata, false) ?? {};
    return [
      {
        type: "start",
        ...(id !== undefined && { id }),
        ...(model !== undefined && { model }),
        ...(!Number.isNaN(createdAtMs) && { createdAtSeconds: Math.floor(createdAtMs / 1000) }),
        ...(usage.input !== undefined && { usage }),
      },
    ];
  }

  #choiceAt(index: number): ChoiceDecoder {
    const choice = Number.isInteger(index) && index >= 0 && index < CANDIDATES_MAX ? index : 0;
    const known = this.#choices.get(choice);
    if (known) return known;
    const created = new ChoiceDecoder(choice, this.#context);
    this.#choices.set(choice, created);
    return created;
  }

  #callId(given: string | undefined): string {
    const id =
      given !== undefined && !this.#callIds.has(given)
        ? given
        : madeCallId(this.#seed ?? "", this.#callIds.size);
    this.#callIds.add(id);
    return id;
  }

  /** What was counted so far is still told: a failed answer may have to be paid for. */
  #fail(failure: Failure): readonly ChatEvent[] {
    this.#isOver = true;
    const usage = decodeUsage(this.#usageMetadata, false);
    return [...(usage ? [{ type: "usage", usage } as const] : []), { type: "error", failure }];
  }
}

/** Later counts win. Nearly always a chunk has all that the ones before had: then it is taken as it is. */
function mergeMetadata(earlier: JsonObject | undefined, later: JsonObject): JsonObject {
  if (earlier === undefined) return later;
  for (const name of Object.keys(earlier)) if (!Object.hasOwn(later, name)) return { ...earlier, ...later };
  return later;
}

function blockWord(feedback: JsonObject | undefined): string | undefined {
  const reason = feedback?.["blockReason"];
  if (typeof reason === "number") return reason === 0 ? undefined : `BLOCKED_REASON_${reason}`;
  return reason === "BLOCKED_REASON_UNSPECIFIED" ? undefined : asString(reason) || undefined;
}

function unreadable(): Failure {
  return new Failure(
    "upstream_broken",
    "The provider sent something that is not its own protocol. Try again.",
  );
}

function endless(): Failure {
  return new Failure(
    "upstream_broken",
    "The provider's answer goes on after it said it would not. Try again.",
  );
}

function cutOff(): Failure {
  return new Failure("upstream_broken", "The provider's answer ended before it was complete. Try again.");
}

function unusable(native: string): Failure {
  return new Failure("upstream_broken", "The model's answer could not be used. Try again.", { code: native });
}
