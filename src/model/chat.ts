/**
 * The canonical request: the union of what the four APIs can say, and nothing about how they say it. Every
 * client API decodes to it, every upstream API is encoded from it. Absent means the caller did not say.
 *
 * Invariants a decoder guarantees: `turns` alternate in runs of one side as the caller sent them (merging is the
 * target's business); tool results stand in user turns; every opaque value has its origin.
 */
import type { Json, JsonObject } from "#lib/json.ts";

export type ProtocolName = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";
/** Who made a model: opaque reasoning state is valid only with its maker. */
export type Vendor = "openai" | "anthropic" | "google" | "deepseek" | "xai" | "mistral" | "unknown";

export interface Chat {
  /** The API the caller spoke. */
  readonly protocol: ProtocolName;
  /** The logical model, as asked. */
  readonly model: string;
  readonly stream: boolean;
  /** Chat Completions only: the caller asked for a usage chunk. Other APIs always report usage. */
  readonly includeUsage: boolean;
  /** Leading system and developer text, in order. */
  readonly system: readonly SystemPart[];
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly outputTokensMax?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  /** How many alternative answers; 1 when absent. */
  readonly choices?: number;
  readonly logprobs?: { readonly top?: number };
  readonly logitBias?: Readonly<Record<string, number>>;
  readonly output?: OutputFormat;
  readonly modalities?: readonly ("text" | "image" | "audio")[];
  readonly audioOutput?: { readonly format?: string; readonly voice?: Json };
  readonly reasoning?: Reasoning;
  readonly verbosity?: "low" | "medium" | "high";
  readonly cache?: CacheHints;
  readonly serviceTier?: string;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly store?: boolean;
  readonly safety?: Json;
  readonly webSearch?: JsonObject;
  /** Fields of the caller's API that the canonical form has no name for; re-emitted only to that same API. */
  readonly extensions: JsonObject;
  /** `anthropic-beta` values. */
  readonly betas: readonly string[];
  /** `anthropic-version`, where the caller named one: goes on only to Anthropic itself. */
  readonly apiVersion?: string;
}

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";
export type CacheLifetime = "5m" | "30m" | "1h" | "12h";
export interface CacheMark {
  readonly lifetime?: CacheLifetime;
}

export interface Reasoning {
  /** `on`: with a budget or as the model likes; `auto`: the model decides (adaptive, dynamic). */
  readonly mode?: "off" | "auto" | "on";
  readonly effort?: Effort;
  readonly budgetTokens?: number;
  /** Whether readable thoughts are wanted. */
  readonly visibility?: "none" | "summary" | "full";
  /** With `off`: still think between tool calls (Anthropic `between_tools`). */
  readonly betweenTools?: true;
}

export type OutputFormat =
  | { readonly type: "text" }
  | { readonly type: "json" }
  | { readonly type: "enum"; readonly values: readonly string[]; readonly raw?: RawFormat }
  | {
      readonly type: "json_schema";
      readonly name?: string;
      readonly description?: string;
      readonly schema: JsonObject;
      readonly strict?: boolean;
      readonly raw?: RawFormat;
    };

/** The format's fields as the caller's own API spells them, for a hop back to it. */
interface RawFormat {
  readonly protocol: ProtocolName;
  readonly value: JsonObject;
}

export interface CacheHints {
  /** Let the provider place one breakpoint by itself (Anthropic top-level `cache_control`). */
  readonly automatic?: CacheMark;
  /** Routing hint (OpenAI `prompt_cache_key`). */
  readonly key?: string;
  /** Name of an explicit cache (Gemini `cachedContent`). */
  readonly explicitName?: string;
}

export interface SystemPart {
  readonly text: string;
  readonly role: "system" | "developer";
  readonly cache?: CacheMark;
}

export type Turn =
  | { readonly side: "user"; readonly parts: readonly (UserPart | ToolResultPart)[] }
  | {
      readonly side: "assistant";
      readonly parts: readonly AssistantPart[];
      readonly id?: string;
      /** Responses only: `commentary` or `final_answer`. */
      readonly phase?: string;
    }
  /** Instructions in mid-conversation. */
  | { readonly side: "system"; readonly parts: readonly SystemPart[] };

export interface PartBase {
  readonly cache?: CacheMark;
  /** Opaque vendor state that hangs on this part and must return with it, byte for byte. */
  readonly signature?: Opaque;
}

export type Media =
  | { readonly from: "base64"; readonly mime: string; readonly data: string }
  | { readonly from: "url"; readonly url: string; readonly mime?: string }
  | { readonly from: "file"; readonly id: string; readonly vendor: Vendor; readonly mime?: string }
  | { readonly from: "text"; readonly text: string; readonly mime: string };

export type UserPart = PartBase &
  (
    | { readonly type: "text"; readonly text: string; /** Participant's name. */ readonly name?: string }
    | {
        readonly type: "image";
        readonly media: Media;
        readonly detail?: "auto" | "low" | "high" | "original";
      }
    | { readonly type: "audio"; readonly media: Media }
    | {
        readonly type: "video";
        readonly media: Media;
        /** Gemini `videoMetadata`, as sent. */
        readonly metadata?: JsonObject;
      }
    | {
        readonly type: "document";
        readonly media?: Media;
        /** A document made of blocks (Anthropic `content` source) in place of `media`. */
        readonly blocks?: readonly UserPart[];
        readonly filename?: string;
        readonly title?: string;
        readonly context?: string;
        readonly citations?: boolean;
      }
    | {
        readonly type: "search_result";
        readonly source: string;
        readonly title: string;
        readonly texts: readonly string[];
        readonly citations?: boolean;
      }
    /** A part only the caller's own API knows: goes to that API verbatim, anywhere else it is refused by `path`. */
    | {
        readonly type: "unknown";
        readonly protocol: ProtocolName;
        readonly value: Json;
        readonly path: string;
      }
  );

export interface ToolResultPart extends PartBase {
  readonly type: "tool_result";
  readonly callId: string;
  /** The function's name, where the caller's API carries it or the decoder found it in the history. */
  readonly name?: string;
  /** Answer to a custom (free text) tool. */
  readonly custom?: boolean;
  readonly content: readonly UserPart[];
  /** Gemini's response object, as sent; `content` is then its text rendering. */
  readonly structured?: JsonObject;
  readonly isError?: boolean;
}

export type AssistantPart = PartBase &
  (
    | { readonly type: "text"; readonly text: string; readonly citations?: readonly Citation[] }
    | { readonly type: "refusal"; readonly text: string }
    | ReasoningPart
    | ToolCallPart
    | { readonly type: "image"; readonly media: Media; readonly id?: string }
    | { readonly type: "audio"; readonly media?: Media; readonly transcript?: string; readonly id?: string }
    | { readonly type: "code"; readonly language: string; readonly code: string; readonly id?: string }
    | {
        readonly type: "code_result";
        readonly outcome: "ok" | "failed" | "timeout";
        readonly output: string;
        /** The id of the code it belongs to. */
        readonly id?: string;
      }
    /** A hosted tool's block, verbatim: only its own API can take it back. */
    | { readonly type: "hosted"; readonly protocol: ProtocolName; readonly value: JsonObject }
  );

export interface ReasoningPart {
  readonly type: "reasoning";
  readonly kind: "raw" | "summary" | "redacted";
  readonly text?: string;
  /** Responses item id, or OpenRouter detail id. */
  readonly id?: string;
}

export interface ToolCallPart {
  readonly type: "tool_call";
  readonly id: string;
  /** Responses only: the item's own id beside its call id. */
  readonly itemId?: string;
  readonly name: string;
  /** JSON text for functions (perhaps invalid: models slip), free text for custom tools. Never reparsed on the way. */
  readonly argumentsText: string;
  readonly custom?: boolean;
  readonly namespace?: string;
  /** Fields of the call only its own API knows (Anthropic `caller`), for a hop back to it. */
  readonly raw?: { readonly protocol: ProtocolName; readonly value: JsonObject };
}

/** Where an opaque blob comes from; it may return only to the same vendor (and route, where the vendor binds it). */
export interface Opaque {
  readonly kind:
    | "anthropic_signature"
    | "anthropic_redacted"
    | "openai_encrypted"
    | "google_thought_signature"
    | "openrouter_details"
    /** Readable reasoning that came without any signature. */
    | "unsigned";
  readonly vendor: Vendor;
  readonly model?: string;
  /** Organisation or back end the blob is bound to. */
  readonly route?: string;
  readonly data: string;
}

export interface Citation {
  readonly kind: "url" | "document" | "file" | "search_result";
  readonly url?: string;
  readonly title?: string;
  readonly citedText?: string;
  /** UTF-16 offsets in the text part that carries the citation. */
  readonly start?: number;
  readonly end?: number;
  /** The source API's own record, for a hop back to it. */
  readonly raw?: { readonly protocol: ProtocolName; readonly value: JsonObject };
}

export type Tool =
  | FunctionTool
  | {
      readonly type: "custom";
      readonly name: string;
      readonly description?: string;
      readonly format?: { readonly syntax: "lark" | "regex"; readonly definition: string };
      /** As for `FunctionTool`: `name` is then `namespace__tool`. */
      readonly namespace?: string;
      readonly raw?: { readonly protocol: ProtocolName; readonly value: JsonObject };
    }
  | {
      readonly type: "hosted";
      readonly protocol: ProtocolName;
      readonly kind: string;
      readonly value: JsonObject;
    };

export interface FunctionTool {
  readonly type: "function";
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; absent: no arguments. */
  readonly schema?: JsonObject;
  readonly strict?: boolean;
  readonly cache?: CacheMark;
  readonly examples?: readonly Json[];
  /** The Responses namespace the tool stood in; `name` is then already flat, `namespace__tool`. */
  readonly namespace?: string;
  /** The tool as the caller's own API spells it, for fields the canonical form has no name for. */
  readonly raw?: { readonly protocol: ProtocolName; readonly value: JsonObject };
}

export interface ToolChoice {
  readonly mode: "auto" | "none" | "required";
  /** Only these tools. `required` with exactly one name is the forced tool. */
  readonly allowed?: readonly string[];
}

/**
 * Whether leaving hosted tools out would break the request: a call is required, and only a hosted tool could be it.
 * Otherwise a target that does not have them is told to the caller in `x-xjp-dropped`.
 */
export function needsHostedTool(chat: Chat): boolean {
  return chat.toolChoice?.mode === "required" && chat.tools.every((tool) => tool.type === "hosted");
}
