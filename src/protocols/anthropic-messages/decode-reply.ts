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
  return asEvents(message).flatMap((event) => decoder.read(event));
}

function asEvents(message: JsonObject): readonly JsonObject[] {
  if (message["error"] !== undefined && message["error"] !== null) return [{ ...message, type: "error" }];
  const blocks = asArray(message["content"]).flatMap((block): readonly JsonObject[] => [
    { type: "content_block_start", content_block: block },
    { type: "content_block_stop" },
  ]);
  const { stop_reason, stop_sequence, stop_details, usage } = message;
  return [
    { type: "message_start", message },
    ...blocks,
    { type: "message_delta", delta: { stop_reason, stop_sequence, stop_details }, usage },
    { type: "message_stop" },
  ];
}
