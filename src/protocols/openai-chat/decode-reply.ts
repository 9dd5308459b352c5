/**
 * A whole `chat.completion` as events: its messages are read as one big delta each, by the stream's own decoder. The
 * body is complete by construction, so a missing or empty `finish_reason` (Snowflake) is not a cut answer here.
 */
import { asArray, isObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { embeddedFailure } from "./decode-failure.ts";
import { ChatStreamDecoder } from "./stream-decoder.ts";

export function decodeReply(body: unknown, dialect: Dialect, chat?: Chat): readonly ChatEvent[] {
  if (!isObject(body)) return failed("The upstream's answer is not a JSON object.");
  const failure = embeddedFailure(body);
  if (failure) return [{ type: "error", failure }];
  if (asArray(body["choices"]).length === 0) return failed("The upstream's answer has no choices.");
  return new ChatStreamDecoder(dialect, chat).decodeWhole(body);
}

function failed(message: string): readonly ChatEvent[] {
  return [{ type: "error", failure: new Failure("upstream_broken", message) }];
}
