/** Stop reasons both ways. A word new to us reads as a plain stop and keeps its spelling for a hop back. */
import type { StopReason } from "#model/chat-event.ts";

const meanings: ReadonlyMap<string, StopReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop_sequence"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "context_full"],
  ["tool_use", "tool_calls"],
  ["refusal", "refusal"],
  ["pause_turn", "pause"],
]);

export function decodeStopReason(word: string): StopReason {
  return meanings.get(word) ?? "stop";
}

const words: Readonly<Record<StopReason, string>> = {
  stop: "end_turn",
  stop_sequence: "stop_sequence",
  length: "max_tokens",
  context_full: "model_context_window_exceeded",
  tool_calls: "tool_use",
  content_filter: "refusal",
  refusal: "refusal",
  pause: "pause_turn",
};

/** Of this API alone, so that the upstream that said it spoke this API. */
const nativeWords: ReadonlySet<string> = new Set(["compaction"]);

interface Finish {
  readonly reason: StopReason;
  readonly native?: string;
}

/** A call in the answer wins over a plain stop: clients run tools only on `tool_use`. */
export function encodeStopReason(finish: Finish, hasToolCall: boolean): string {
  if (finish.native !== undefined && nativeWords.has(finish.native)) return finish.native;
  return finish.reason === "stop" && hasToolCall ? words.tool_calls : words[finish.reason];
}
