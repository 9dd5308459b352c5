/**
 * Reads this API's event stream.
 *
 *   created -> (item added -> deltas -> item done)* -> completed | incomplete: end
 *                                     any point     -> failed | error
 *
 * Lenient: events may lack their `event:` line, items their beginning or end, the closing event its output; a
 * trailing `[DONE]` and unknown events are passed over. Only a closing event makes an answer complete.
 */
import { asArray, asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { SseFrame } from "#lib/sse.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { readOpenaiErrorObject } from "#protocols/openai-errors.ts";
import type { Dialect, StreamDecoder } from "#protocols/protocol.ts";
import { closeReply } from "./close-reply.ts";
import { ItemQueue } from "./item-queue.ts";
import { indexOf, type ItemReader } from "./item-reader.ts";
import { toolNames } from "./tool-names.ts";

export function createStreamDecoder(dialect: Dialect, chat?: Chat): StreamDecoder {
  return new ResponsesStreamDecoder(dialect, chat);
}

class ResponsesStreamDecoder implements StreamDecoder {
  readonly #queue: ItemQueue;
  #events: ChatEvent[] = [];
  #state: "waiting" | "running" | "closed" | "failed" = "waiting";

  constructor(dialect: Dialect, chat: Chat | undefined) {
    const names = toolNames(chat);
    this.#queue = new ItemQueue(
      { dialect, restoreName: (name) => names.restore(name) },
      (event) => void this.#events.push(event),
    );
  }

  push(frame: SseFrame): readonly ChatEvent[] {
    if (this.#state === "closed" || this.#state === "failed") return NOTHING;
    if (frame.data === "" || frame.data.trim() === "[DONE]") return NOTHING;
    const event = asObject(parseJson(frame.data));
    if (!event)
      this.#fail(new Failure("upstream_broken", "The upstream sent an event that is no JSON object."));
    else this.#read(asString(event["type"]) ?? frame.event, event);
    return this.#take();
  }

  end(): readonly ChatEvent[] {
    if (this.#state === "closed" || this.#state === "failed") return NOTHING;
    this.#fail(new Failure("upstream_broken", "The upstream's answer broke off before its end."));
    return this.#take();
  }

  #read(type: string, event: JsonObject): void {
    switch (type) {
      case "response.created":
      case "response.queued":
      case "response.in_progress":
        return this.#start(asObject(event["response"]));
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled":
        return this.#close(asObject(event["response"]) ?? {}, type);
      case "error":
        return this.#fail(readOpenaiErrorObject(event["error"] ?? event));
    }
    if (isObject(event["error"]) && asString(event["type"]) === undefined) {
      return this.#fail(readOpenaiErrorObject(event["error"]));
    }
    const index = indexOf(event["output_index"]);
    const item = asObject(event["item"]);
    if (type === "response.output_item.added" || type === "response.output_item.done") {
      this.#start(undefined);
      if (!item) return;
      if (type.endsWith("added")) this.#queue.at(index, item);
      else this.#queue.finish(index, item);
      return;
    }
    const itemType = itemTypes.get(type);
    if (itemType === undefined) return;
    this.#start(undefined);
    readDelta(this.#queue.at(index, { type: itemType, id: event["item_id"] }), type, event);
  }

  #start(response: JsonObject | undefined): void {
    if (this.#state !== "waiting") return;
    this.#state = "running";
    this.#events.push(startEvent(response ?? {}));
  }

  #close(response: JsonObject, type: string): void {
    this.#start(response);
    const closing = closeReply(response, type.slice("response.".length));
    if (closing.failure) {
      if (closing.usage) this.#events.push({ type: "usage", usage: closing.usage });
      return this.#fail(closing.failure);
    }
    this.#queue.finishAll(asArray(response["output"]).map(asObject));
    this.#state = "closed";
    this.#events.push(closing.finish(this.#queue.kinds));
    if (closing.usage) this.#events.push({ type: "usage", usage: closing.usage });
    // Said at once and not when the connection closes: some servers keep it open for a while.
    this.#events.push({ type: "end" });
  }

  #fail(failure: Failure): void {
    this.#state = "failed";
    this.#events.push({ type: "error", failure });
  }

  #take(): readonly ChatEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

const NOTHING: readonly ChatEvent[] = [];

export function startEvent(response: JsonObject): ChatEvent {
  const id = asString(response["id"]);
  const model = asString(response["model"]);
  const createdAt = response["created_at"];
  return {
    type: "start",
    ...(id !== undefined && { id }),
    ...(model !== undefined && { model }),
    ...(typeof createdAt === "number" && { createdAtSeconds: Math.floor(createdAt) }),
  };
}

/** Events about one item, with the type the item has where its beginning was never sent. */
const itemTypes: ReadonlyMap<string, string> = new Map([
  ["response.output_text.delta", "message"],
  ["response.output_text.done", "message"],
  ["response.output_text.annotation.added", "message"],
  ["response.content_part.done", "message"],
  ["response.refusal.delta", "message"],
  ["response.refusal.done", "message"],
  ["response.reasoning_text.delta", "reasoning"],
  ["response.reasoning_text.done", "reasoning"],
  ["response.reasoning_summary_text.delta", "reasoning"],
  ["response.reasoning_summary_text.done", "reasoning"],
  ["response.function_call_arguments.delta", "function_call"],
  ["response.custom_tool_call_input.delta", "custom_tool_call"],
]);

function readDelta(reader: ItemReader, type: string, event: JsonObject): void {
  const index = indexOf(event["content_index"]);
  const delta = asString(event["delta"]) ?? "";
  switch (type) {
    case "response.output_text.delta":
      return reader.contentDelta("output_text", index, delta, asArray(event["logprobs"]).filter(isObject));
    case "response.refusal.delta":
      return reader.contentDelta("refusal", index, delta);
    case "response.reasoning_text.delta":
      return reader.contentDelta("reasoning_text", index, delta);
    case "response.output_text.done":
      return reader.contentDone(index, {
        type: "output_text",
        text: event["text"],
        logprobs: event["logprobs"],
      });
    case "response.refusal.done":
      return reader.contentDone(index, { type: "refusal", refusal: event["refusal"] });
    case "response.reasoning_text.done":
      return reader.contentDone(index, { type: "reasoning_text", text: event["text"] });
    case "response.content_part.done":
      return reader.contentDone(index, asObject(event["part"]) ?? {});
    case "response.output_text.annotation.added":
      return reader.annotation(index, asObject(event["annotation"]) ?? {});
    case "response.reasoning_summary_text.delta":
      return reader.summaryDelta(indexOf(event["summary_index"]), delta);
    case "response.reasoning_summary_text.done":
      return reader.summaryDone(indexOf(event["summary_index"]), asString(event["text"]) ?? "");
    case "response.function_call_arguments.delta":
    case "response.custom_tool_call_input.delta":
      return reader.argumentsDelta(delta);
  }
}
