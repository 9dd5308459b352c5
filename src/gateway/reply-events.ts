/** Readings of the event stream that several steps need: what counts as content, and what is worth noting. */
import type { ChatEvent, StopReason } from "#model/chat-event.ts";
import type { Attempt } from "./exchange.ts";

/**
 * Content a client could see: after it, another target may no longer take over. Reasoning counts, because holding
 * back minutes of it would be silence. So does any end that is an answer in itself, such as a content filter's.
 */
export function isContent(event: ChatEvent): boolean {
  switch (event.type) {
    case "part_start":
      return event.part.type !== "text" && event.part.type !== "refusal" && event.part.type !== "reasoning";
    case "delta":
    case "transcript":
      return event.text !== "";
    case "signature":
    case "citation":
      return true;
    case "finish":
      return isTellingFinish(event.reason);
    case "start":
    case "part_end":
    case "usage":
    case "error":
    case "end":
      return false;
  }
}

/** A finished reply with neither text, tool call nor refusal in it, and no reason that would explain that. */
export function isEmptyReply(events: readonly ChatEvent[]): boolean {
  let openPart = "";
  for (const event of events) {
    if (event.type === "part_start") openPart = event.part.type;
    const isReasoning = openPart === "reasoning" && event.type !== "finish";
    if (!isReasoning && isContent(event)) return false;
  }
  return true;
}

function isTellingFinish(reason: StopReason): boolean {
  switch (reason) {
    case "length":
    case "context_full":
    case "content_filter":
    case "refusal":
    case "pause":
    case "stop_sequence":
      return true;
    case "stop":
    case "tool_calls":
      return false;
  }
}

/** Keeps on the attempt what its row will need. */
export function note(attempt: Attempt, event: ChatEvent): void {
  if (event.type === "delta" || event.type === "transcript")
    attempt.outputBytes += Buffer.byteLength(event.text);
  else if (event.type === "usage") attempt.addUsage(event.usage);
  else if (event.type === "start") {
    if (event.model !== undefined) attempt.servedModel = event.model;
    if (event.usage) attempt.addUsage(event.usage);
  }
}
