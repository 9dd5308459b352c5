/**
 * This API's stream to canonical events.
 *
 *   message_start -> blocks -> message_delta (finish, cumulative usage) -> message_stop -> end
 *                                                              anywhere: error
 *
 * Read by `data.type`, because not every server names its events. A body that ends without `message_stop` is broken,
 * unless a stop reason was told already.
 */
import { asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import { formatSse, type SseFrame } from "#lib/sse.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import type { Dialect, StreamDecoder } from "#protocols/protocol.ts";
import { BlockDecoder } from "./block-decoder.ts";
import { decodeErrorObject } from "./decode-failure.ts";
import { replyRules } from "./reply-rules.ts";
import { decodeStopReason } from "./stop-reason.ts";
import { decodeUsage } from "./usage.ts";

export function createStreamDecoder(dialect: Dialect, chat?: Chat): StreamDecoder {
  return new MessagesStreamDecoder(dialect, chat);
}

export class MessagesStreamDecoder implements StreamDecoder {
  readonly #blocks: BlockDecoder;
  readonly #answersByTool: boolean;
  #usage: Usage | undefined;
  #hasStarted = false;
  #hasFinished = false;
  #isOver = false;
  #missesEnd = false;

  constructor(dialect: Dialect, chat: Chat | undefined) {
    const rules = replyRules(chat, dialect);
    this.#answersByTool = rules.answerTool !== undefined;
    this.#blocks = new BlockDecoder(dialect, rules);
  }

  /** The `message_stop` the upstream owed. */
  get missingEnd(): string {
    return this.#missesEnd ? MESSAGE_STOP : "";
  }

  push(frame: SseFrame): readonly ChatEvent[] {
    if (this.#isOver || frame.data === "" || frame.data === "[DONE]") return NONE;
    const data = parseJson(frame.data);
    if (isObject(data)) return this.read(data, frame.event);
    return this.#fail(new Failure("upstream_broken", "The upstream sent an event that is not JSON."));
  }

  /** One event's data. Events new to us say nothing. */
  read(data: JsonObject, eventName = ""): readonly ChatEvent[] {
    const error = asObject(data["error"]);
    switch (asString(data["type"]) ?? eventName) {
      case "content_block_delta":
        return this.#blocks.delta(asObject(data["delta"]) ?? {});
      case "content_block_start":
        return this.#started(this.#blocks.open(asObject(data["content_block"]) ?? {}));
      case "content_block_stop":
        return this.#blocks.close();
      case "message_start":
        return this.#blocks.hasContent
          ? this.#fail(restarted())
          : this.#start(asObject(data["message"]) ?? {});
      case "message_delta":
        return this.#messageDelta(data);
      case "message_stop":
        return this.#stop();
      case "error":
        return this.#fail(decodeErrorObject(error ?? data));
      default:
        return error === undefined ? NONE : this.#fail(decodeErrorObject(error));
    }
  }

  end(): readonly ChatEvent[] {
    if (this.#isOver) return NONE;
    if (!this.#hasFinished) {
      return this.#fail(new Failure("upstream_broken", "The upstream's stream ended before the answer did."));
    }
    this.#missesEnd = true;
    return this.#stop();
  }

  #start(message: JsonObject): readonly ChatEvent[] {
    if (this.#hasStarted) return NONE;
    this.#hasStarted = true;
    const id = asString(message["id"]);
    const model = asString(message["model"]);
    // The first output count is a guess and not told.
    const { output: _, ...usage } = decodeUsage(asObject(message["usage"]) ?? {});
    this.#usage = usage;
    this.#blocks.messageId = id ?? "";
    const start: Mutable<StartEvent> = { type: "start" };
    if (id !== undefined) start.id = id;
    if (model !== undefined) start.model = model;
    if (Object.keys(usage).length > 0) start.usage = usage;
    return [start];
  }

  /** Some servers leave out the start. */
  #started(events: readonly ChatEvent[]): readonly ChatEvent[] {
    return this.#hasStarted ? events : [...this.#start({}), ...events];
  }

  #messageDelta(data: JsonObject): readonly ChatEvent[] {
    const usage = asObject(data["usage"]);
    if (usage !== undefined) this.#usage = mergeUsage(this.#usage, decodeUsage(usage));
    const delta = asObject(data["delta"]) ?? {};
    const reason = asString(delta["stop_reason"]);
    const events: ChatEvent[] = [];
    if (reason !== undefined && !this.#hasFinished) {
      for (const event of this.#started(this.#blocks.close())) events.push(event);
      events.push(this.#finish(reason, delta));
    }
    if (usage !== undefined && this.#hasFinished) events.push({ type: "usage", usage: this.#usage ?? {} });
    return events;
  }

  #finish(word: string, delta: JsonObject): ChatEvent {
    this.#hasFinished = true;
    const reason = decodeStopReason(word);
    const isEmulated = reason === "tool_calls" && this.#answersByTool && !this.#blocks.hasCall;
    const stopSequence = asString(delta["stop_sequence"]);
    const detail = asObject(delta["stop_details"]);
    const finish: Mutable<FinishEvent> = {
      type: "finish",
      choice: 0,
      reason: isEmulated ? "stop" : reason,
      native: word,
    };
    if (stopSequence !== undefined) finish.stopSequence = stopSequence;
    if (detail !== undefined) finish.detail = detail;
    return finish;
  }

  /** The proper end. Some servers leave out the stop reason. */
  #stop(): readonly ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const event of this.#started(this.#blocks.close())) events.push(event);
    if (!this.#hasFinished) {
      events.push(this.#finish(this.#blocks.hasCall ? "tool_use" : "end_turn", {}));
      if (this.#usage !== undefined) events.push({ type: "usage", usage: this.#usage });
    }
    this.#isOver = true;
    events.push({ type: "end" });
    return events;
  }

  #fail(failure: Failure): readonly ChatEvent[] {
    this.#isOver = true;
    return [{ type: "error", failure }];
  }
}

type StartEvent = Extract<ChatEvent, { type: "start" }>;
type FinishEvent = Extract<ChatEvent, { type: "finish" }>;

const NONE: readonly ChatEvent[] = [];

/** Seen where a server behind the upstream tries again: what was sent already belongs to no answer. */
function restarted(): Failure {
  return new Failure("upstream_broken", "The upstream began its answer a second time.");
}
const MESSAGE_STOP = formatSse(JSON.stringify({ type: "message_stop" }), "message_stop");
