/** Why an answer ended: Google's words (or numbers) to ours. */
import type { Json } from "#lib/json.ts";
import type { StopReason } from "#model/chat-event.ts";
import type { Host } from "#protocols/protocol.ts";

/** google.cloud.aiplatform.v1 Candidate.FinishReason, in number order. */
const VERTEX_NUMBERS = [
  "FINISH_REASON_UNSPECIFIED",
  "STOP",
  "MAX_TOKENS",
  "SAFETY",
  "RECITATION",
  "OTHER",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "MALFORMED_FUNCTION_CALL",
  "MODEL_ARMOR",
  "IMAGE_SAFETY",
  "IMAGE_PROHIBITED_CONTENT",
  "IMAGE_RECITATION",
  "IMAGE_OTHER",
  "UNEXPECTED_TOOL_CALL",
  "NO_IMAGE",
];
/** google.ai.generativelanguage.v1beta Candidate.FinishReason, in number order. */
const AISTUDIO_NUMBERS = [
  "FINISH_REASON_UNSPECIFIED",
  "STOP",
  "MAX_TOKENS",
  "SAFETY",
  "RECITATION",
  "OTHER",
  "LANGUAGE",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "MALFORMED_FUNCTION_CALL",
  "IMAGE_SAFETY",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
];

/** The request's share of a long answer is full; the rest is there for the asking. */
export const CONTINUATION = "CONTINUATION";

/** The word for a finish reason; undefined while the answer goes on. */
export function finishWord(value: Json | undefined, host: Host): string | undefined {
  const numbers = host === "vertex" ? VERTEX_NUMBERS : AISTUDIO_NUMBERS;
  const word = typeof value === "number" ? (numbers[value] ?? `FINISH_REASON_${value}`) : value;
  if (typeof word !== "string" || word === "" || word === "FINISH_REASON_UNSPECIFIED") return undefined;
  return word;
}

export interface Produced {
  readonly hasCalls: boolean;
  /** Anything a reader could use: text, media, code. Thoughts alone are not. */
  readonly hasContent: boolean;
}

/** `broken`: the answer ended in a fault and holds nothing usable. */
export function stopReason(word: string, produced: Produced): StopReason | "broken" {
  switch (word) {
    case "MAX_TOKENS":
      return "length";
    case "SAFETY":
    case "BLOCKLIST":
    case "PROHIBITED_CONTENT":
    case "SPII":
    case "RECITATION":
    case "MODEL_ARMOR":
    case "JAILBREAK":
      return "content_filter";
    case CONTINUATION:
      return "pause";
    case "STOP":
      return produced.hasCalls ? "tool_calls" : "stop";
  }
  if (word.startsWith("IMAGE_")) return "content_filter";
  if (produced.hasCalls) return "tool_calls";
  return produced.hasContent ? "stop" : "broken";
}

/** Words of this API that may go back to a caller of this API as they came. */
export const FINISH_WORDS: ReadonlySet<string> = new Set([
  ...VERTEX_NUMBERS,
  ...AISTUDIO_NUMBERS,
  "MALFORMED_RESPONSE",
  CONTINUATION,
]);
