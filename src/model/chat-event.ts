/**
 * The canonical answer, as a stream. A whole answer is the same events in one go, so there is one semantic path.
 *
 *   start -> ( part_start -> (delta | transcript | signature | citation)* -> part_end )* -> finish -> usage* -> end
 *                                                                                   any point -> error
 *
 * Invariants: `start` first; deltas only inside an open part; one open part per choice; at most one `finish` per
 * choice; `usage` is cumulative and the last one wins; exactly one terminal, `end` only after the upstream's own
 * proper end. `choice` is 0 except where several answers were asked for.
 */
import type { Json, JsonObject } from "#lib/json.ts";
import type { Citation, Media, Opaque, ProtocolName } from "./chat.ts";
import type { Failure } from "./failure.ts";
import type { Usage } from "./usage.ts";

export type ChatEvent =
  | {
      readonly type: "start";
      readonly id?: string;
      readonly model?: string;
      readonly createdAtSeconds?: number;
      /** What the upstream already reported, so that an interrupted stream can be booked; never output tokens. */
      readonly usage?: Usage;
    }
  | { readonly type: "part_start"; readonly choice: number; readonly part: PartStart }
  /** Text of whichever part is open; arguments text for a tool call; base64 for audio. */
  | {
      readonly type: "delta";
      readonly choice: number;
      readonly text: string;
      readonly logprobs?: readonly JsonObject[];
    }
  /** What an open audio part says. */
  | { readonly type: "transcript"; readonly choice: number; readonly text: string }
  | { readonly type: "signature"; readonly choice: number; readonly opaque: Opaque }
  | { readonly type: "citation"; readonly choice: number; readonly citation: Citation }
  | { readonly type: "part_end"; readonly choice: number }
  | {
      readonly type: "finish";
      readonly choice: number;
      readonly reason: StopReason;
      readonly stopSequence?: string;
      /** The upstream's own word, for the log and for a hop back to the same API. */
      readonly native?: string;
      readonly detail?: Json;
      /** The answer is longer: with this token the upstream gives its next part to the same request. */
      readonly continuation?: string;
    }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "error"; readonly failure: Failure }
  | { readonly type: "end" };

export type PartStart =
  | { readonly type: "text" }
  | { readonly type: "refusal" }
  | { readonly type: "reasoning"; readonly kind: "raw" | "summary" | "redacted"; readonly id?: string }
  | {
      readonly type: "tool_call";
      readonly id: string;
      readonly itemId?: string;
      readonly name: string;
      readonly custom?: boolean;
      readonly namespace?: string;
      readonly raw?: { readonly protocol: ProtocolName; readonly value: JsonObject };
    }
  | { readonly type: "image"; readonly media: Media; readonly id?: string }
  | { readonly type: "audio"; readonly id?: string; readonly mime?: string }
  | { readonly type: "code"; readonly language: string; readonly id?: string }
  | { readonly type: "code_result"; readonly outcome: "ok" | "failed" | "timeout"; readonly id?: string }
  | { readonly type: "hosted"; readonly protocol: ProtocolName; readonly value: JsonObject };

export type StopReason =
  | "stop"
  | "stop_sequence"
  | "length"
  | "context_full"
  | "tool_calls"
  | "content_filter"
  | "refusal"
  | "pause";
