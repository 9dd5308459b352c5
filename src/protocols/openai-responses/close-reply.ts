/**
 * How an answer ended. This API has no finish reason: it follows from the status, from why it is incomplete, and
 * from what the output holds.
 */
import { asObject, asString, type JsonObject } from "#lib/json.ts";
import type { ChatEvent, StopReason } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import type { Usage } from "#model/usage.ts";
import { readOpenaiErrorObject } from "#protocols/openai-errors.ts";
import type { ItemReader } from "./item-reader.ts";
import { decodeUsage } from "./usage.ts";

type Kinds = ReadonlySet<ItemReader["kind"]>;

interface Closing {
  /** Set where it ended in a failure; nothing else counts then. */
  readonly failure?: Failure;
  readonly finish: (kinds: Kinds) => ChatEvent;
  readonly usage: Usage | undefined;
}

/** `word`: the closing event's name, for servers that leave the status out. */
export function closeReply(response: JsonObject, word: string): Closing {
  const status = asString(response["status"]) ?? word;
  const reason = asString(asObject(response["incomplete_details"])?.["reason"]);
  const failure = failureOf(response, status);
  return {
    ...(failure && { failure }),
    finish: (kinds) => ({
      type: "finish",
      choice: 0,
      reason: stopReason(status, reason, kinds),
      native: reason ?? status,
    }),
    usage: decodeUsage(response),
  };
}

function failureOf(response: JsonObject, status: string): Failure | undefined {
  if (status === "cancelled") return new Failure("upstream_failed", "The upstream cancelled the answer.");
  const error = asObject(response["error"]);
  return status === "failed" || error ? readOpenaiErrorObject(error) : undefined;
}

function stopReason(status: string, reason: string | undefined, kinds: Kinds): StopReason {
  if (reason === "content_filter") return "content_filter";
  // Background work under way: the answer so far is a receipt, to be asked for again by its id.
  if (status === "queued" || status === "in_progress") return "pause";
  // Reasons like `max_messages` are limits of the provider's own.
  if (status === "incomplete" || reason !== undefined) return "length";
  if (kinds.has("call")) return "tool_calls";
  return kinds.has("refusal") ? "refusal" : "stop";
}
