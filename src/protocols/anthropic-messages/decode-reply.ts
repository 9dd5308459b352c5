/** A whole answer to the events of the same answer streamed: one path through the same decoder. */
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { MessagesStreamDecoder } from "./stream-decoder.ts";

export function decodeReply(body: unknown, dialect: Dialect, chat?: Chat): readonly ChatEvent[] {
  const message = asObject(body);
  const isMessage = message !== undefined && (Array.isArray(message["content"]) || "error" in message);
  if (!isMessage) {
    const failure = new Failure("upstream_broken", "The upstream's answer is not a message.");
    return [{ type: "error", failure }];
  }
  const decoder = new MessagesStreamDecoder(dialect, chat);
  const events: ChatEvent[] = [];
  for (const data of asEvents(message)) for (const event of decoder.read(data)) events.push(event);
  return events;
}

function asEvents(message: JsonObject): readonly JsonObject[] {
  if (message["error"] !== undefined && message["error"] !== null) return [{ ...message, type: "error" }];
  const events: JsonObject[] = [{ type: "message_start", message }];
  for (const block of asArray(message["content"])) {
    events.push({ type: "content_block_start", content_block: block }, BLOCK_STOP);
  }
  const { stop_reason, stop_sequence, stop_details, usage } = message;
  events.push({ type: "message_delta", delta: { stop_reason, stop_sequence, stop_details }, usage }, STOP);
  return events;
}

const BLOCK_STOP: JsonObject = { type: "content_block_stop" };
const STOP: JsonObject = { type: "message_stop" };
