/** A whole answer as events: the same item reader as for streams, given finished items only. */
import { asArray, asObject, asString, isObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { readOpenaiErrorObject } from "#protocols/openai-errors.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { closeReply } from "./close-reply.ts";
import { ItemQueue } from "./item-queue.ts";
import { startEvent } from "./stream-decoder.ts";
import { toolNames } from "./tool-names.ts";

export function decodeReply(body: unknown, dialect: Dialect, chat?: Chat): readonly ChatEvent[] {
  const response = asObject(body);
  const output = response?.["output"];
  if (!response || !Array.isArray(output)) {
    const error = response?.["error"] ?? undefined;
    const failure =
      error === undefined
        ? new Failure("upstream_broken", "The upstream's answer is not a Responses object.")
        : readOpenaiErrorObject(isObject(error) ? error : response);
    return [{ type: "error", failure }];
  }
  const closing = closeReply(response, asString(response["status"]) ?? "completed");
  if (closing.failure) return [{ type: "error", failure: closing.failure }];
  const events: ChatEvent[] = [startEvent(response)];
  const names = toolNames(chat);
  const queue = new ItemQueue(
    { dialect, restoreName: (name) => names.restore(name) },
    (event) => void events.push(event),
  );
  queue.finishAll(asArray(output).map(asObject));
  events.push(closing.finish(queue.kinds));
  if (closing.usage) events.push({ type: "usage", usage: closing.usage });
  events.push({ type: "end" });
  return events;
}
