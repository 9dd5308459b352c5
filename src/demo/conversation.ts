/**
 * What a request to the simulated provider comes down to, and what it answers: few types, shared by all four APIs,
 * and none of them the gateway's. The demo is an independent second opinion on the wire formats, so it imports
 * nothing of the gateway but JSON guards and the spelling of a server-sent event.
 */
import type { Json, JsonObject } from "#lib/json.ts";

export type Api = "chat" | "responses" | "anthropic" | "gemini";

/** Whose manners the API has here: error envelopes, extra fields and comments differ, the API does not. */
export type House = "openai" | "anthropic" | "clewdr" | "gemini" | "vertex" | "openrouter";

export interface Tool {
  readonly name: string;
  readonly schema: JsonObject;
  /** Takes free text instead of JSON arguments (OpenAI's custom tools). */
  readonly isFreeText: boolean;
}

export type Role = "system" | "user" | "assistant";

export type Item =
  | { readonly kind: "text"; readonly role: Role; readonly text: string }
  | {
      readonly kind: "media";
      readonly medium: "image" | "document" | "audio" | "video";
      readonly mime?: string;
      /** Base64 without a data URL's head. */
      readonly data?: string;
      readonly url?: string;
      readonly title?: string;
    }
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly input: Json }
  | { readonly kind: "result"; readonly callId: string; readonly text: string };

export interface Conversation {
  readonly api: Api;
  readonly house: House;
  readonly model: string;
  readonly isStream: boolean;
  /** In the order they stand; system text first. */
  readonly items: readonly Item[];
  readonly tools: readonly Tool[];
  readonly mayCall: boolean;
  /** The one tool the client insists on. */
  readonly forcedTool?: string;
  readonly mayCallParallel: boolean;
  /** The schema the text must obey; an empty one where any JSON will do. */
  readonly schema?: JsonObject;
  readonly outputTokensMax?: number;
  readonly stopSequences: readonly string[];
  /** The client asked for caching by this API's own means; `hour` where it asked for the long kind. */
  readonly cache: "none" | "short" | "hour";
  /** Chat only: whether the stream ends in a chunk with the token counts. */
  readonly wantsStreamUsage: boolean;
  /** Whether the readable thoughts are wanted, where the API asks for them. */
  readonly wantsThoughts: boolean;
  /** Opaque reasoning that came back unchanged. */
  readonly blobsSeen: number;
}

export type ReplyPart =
  | { readonly kind: "reasoning"; readonly text: string; readonly blob: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refusal"; readonly text: string }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly name: string;
      /** JSON text, or the free text of a custom tool. */
      readonly input: string;
      readonly isFreeText: boolean;
    };

export type Finish = "stop" | "stop-sequence" | "length" | "calls" | "filter" | "refusal";

export interface TokenCounts {
  /** All of the prompt, cached or not. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly isHourCache: boolean;
  /** All that was generated, thoughts included. */
  readonly output: number;
  readonly reasoning: number;
}

export interface Reply {
  /** Unique per server; the APIs prefix it their own way. */
  readonly serial: string;
  readonly parts: readonly ReplyPart[];
  readonly finish: Finish;
  readonly stopSequence?: string;
  /** Gemini: the answer goes on, for whoever asks with this token. */
  readonly continuation?: string;
  readonly tokens: TokenCounts;
}

/** One piece of a streamed answer as it goes over the wire, and what it does in the API's grammar. */
export interface Frame {
  readonly step: "open" | "content" | "close" | "finish" | "terminator";
  readonly text: string;
}

/** What the answer is to begin with: the text of a last message that is the assistant's own. */
export function prefillOf(conversation: Conversation): string {
  const last = conversation.items.at(-1);
  return last?.kind === "text" && last.role === "assistant" ? last.text : "";
}

/** The text of the last message a person wrote. */
export function lastUserText(conversation: Conversation): string {
  const last = conversation.items.findLast((item) => item.kind === "text" && item.role === "user");
  return last?.kind === "text" ? last.text : "";
}
