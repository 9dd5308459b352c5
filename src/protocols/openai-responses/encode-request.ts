/**
 * The canonical form to this API's body, for an upstream that speaks it. What it has no field for is listed in
 * `dropped`; what a caller would break on is refused.
 */
import type { Json, JsonObject, MutableJsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import { isObject } from "#lib/json.ts";
import type { Chat, Effort, OutputFormat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { listUnsaid, saidFields } from "#protocols/list-unsaid.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { fromCitation } from "./citation.ts";
import { ENCRYPTED_INCLUDE, LOGPROBS_INCLUDE } from "./decode-request.ts";
import { unsupported } from "./encode-content.ts";
import { encodeInput, encodeSystemItem } from "./encode-input.ts";
import { encodeToolChoice, encodeTools, wantsStrict } from "./encode-tools.ts";
import { budgetEffort, fitEffort, isReasoningModel, takesSampling } from "./model-rules.ts";
import { refuseServerState } from "./server-state.ts";
import { toolNames } from "./tool-names.ts";

export function encodeRequest(chat: Chat, dialect: Dialect): EncodedRequest {
  refuseOutputContracts(chat);
  const isOwn = chat.protocol === "openai-responses";
  if (isOwn) refuseServerState(chat.extensions, dialect);
  const dropped = droppedFields(chat);
  const named = toolNames(chat).fit(chat);
  const effort = effortOf(chat, dialect, dropped);
  const body: MutableJsonObject = {
    model: dialect.model,
    ...encodeConversation(named, dialect, dropped),
    ...encodeToolFields(named, dropped),
    ...encodeText(chat),
    ...encodeReasoningChoice(chat, dialect, effort),
    ...encodeSampling(chat, dialect, { effort, dropped }),
    ...encodeOwnership(chat, dropped),
    ...storeField(chat, dialect),
    stream: chat.stream,
  };
  if (chat.store === true && dialect.host === "openrouter") dropped.push("store");
  const include = includeOf(chat, dialect, dropped);
  if (include.length > 0) body["include"] = include;
  if (isOwn) addExtensions(body, chat.extensions);
  return { body, headers: NO_HEADERS, dropped };
}

/** Nothing is stored unless asked for; asking for background work is asking for it, as it is polled from the store. */
function storeField(chat: Chat, dialect: Dialect): JsonObject {
  const isAskedBy = chat.protocol === "openai-responses" && chat.extensions["background"] === true;
  if (chat.store === undefined && isAskedBy) return {};
  return { store: chat.store === true && dialect.host !== "openrouter" };
}

function refuseOutputContracts(chat: Chat): void {
  if ((chat.choices ?? 1) > 1) throw unsupported("n", "More than one answer");
  if (chat.audioOutput || chat.modalities?.includes("audio")) throw unsupported("modalities", "Audio output");
  if (chat.modalities?.includes("image")) throw unsupported("modalities", "Image output");
  if (chat.cache?.explicitName !== undefined)
    throw unsupported("cached_content", "Content cached with another provider");
  if (chat.output?.type === "enum") throw unsupported("response_schema", "A bare enumeration as the answer");
}

/** Under the names callers know. `stop` is among them: the gateway cuts the answer itself and takes it off again. */
function droppedFields(chat: Chat): string[] {
  const names: readonly (readonly [name: string, value: unknown])[] = [
    ["stop", chat.stop],
    ["top_k", chat.topK],
    ["min_p", chat.minP],
    ["frequency_penalty", chat.frequencyPenalty],
    ["presence_penalty", chat.presencePenalty],
    ["repetition_penalty", chat.repetitionPenalty],
    ["seed", chat.seed],
    ["logit_bias", chat.logitBias],
  ];
  const unsaid = listUnsaid(chat, {
    cacheMarks: chat.extensions["prompt_cache_options"] !== undefined,
    citationWishes: false,
    citation: (citation) => fromCitation(citation, 0) !== undefined,
  });
  const dropped = [...names.filter(([, value]) => value !== undefined).map(([name]) => name), ...unsaid];
  if (chat.protocol === "openai-responses") return dropped;
  return [...dropped, ...saidFields(chat.extensions)];
}

function encodeConversation(chat: Chat, dialect: Dialect, dropped: string[]): JsonObject {
  // The first system texts are instructions; the rest keep their own role as items.
  const split = chat.system.findIndex((part) => part.role === "developer");
  const lead = split < 0 ? chat.system : chat.system.slice(0, split);
  const rest = split < 0 ? [] : chat.system.slice(split);
  const instructions = [...lead.map((part) => part.text), ...jsonReminder(chat)].join("\n\n");
  return {
    ...(instructions !== "" && { instructions }),
    input: [...rest.map(encodeSystemItem), ...encodeInput({ chat, dialect, dropped })],
  };
}

/** OpenAI refuses JSON mode where no message says "JSON", which callers of other APIs need not write. */
function jsonReminder(chat: Chat): readonly string[] {
  if (chat.output?.type !== "json" || chat.protocol === "openai-responses") return [];
  const texts = [
    ...chat.system.map((part) => part.text),
    ...chat.turns.flatMap((turn) => turn.parts.map((part) => ("text" in part ? (part.text ?? "") : ""))),
  ];
  return texts.some((text) => /json/i.test(text)) ? [] : ["Answer with one JSON value."];
}

function encodeToolFields(chat: Chat, dropped: string[]): JsonObject {
  const tools = [...encodeTools(chat, (path) => dropped.push(path)), ...encodeWebSearch(chat)];
  return {
    ...(tools.length > 0 && { tools }),
    ...(chat.toolChoice && { tool_choice: encodeToolChoice(chat.toolChoice, chat.tools) }),
    ...(chat.parallelToolCalls !== undefined && { parallel_tool_calls: chat.parallelToolCalls }),
  };
}

/** Chat Completions has web search as an option, this API as a tool; the location is flat here. */
function encodeWebSearch(chat: Chat): readonly JsonObject[] {
  if (!chat.webSearch || chat.protocol !== "openai-chat") return [];
  const { search_context_size: size, user_location: location } = chat.webSearch;
  const approximate =
    isObject(location) && isObject(location["approximate"]) ? location["approximate"] : undefined;
  return [
    {
      type: "web_search",
      ...(size !== undefined && { search_context_size: size }),
      ...(approximate && { user_location: { type: "approximate", ...approximate } }),
    },
  ];
}

function encodeText(chat: Chat): JsonObject {
  const format = chat.output && encodeFormat(chat.output, chat);
  if (!format && chat.verbosity === undefined) return {};
  return { text: { ...(format && { format }), ...(chat.verbosity && { verbosity: chat.verbosity }) } };
}

/** Also for the echo in replies. */
export function encodeFormat(output: OutputFormat, chat: Chat): JsonObject {
  switch (output.type) {
    case "text":
    case "enum":
      return { type: "text" };
    case "json":
      return { type: "json_object" };
    case "json_schema":
      return {
        type: "json_schema",
        name: (output.name ?? "response").replaceAll(/[^\w-]/g, "_").slice(0, 64),
        ...(output.description !== undefined && { description: output.description }),
        schema: output.schema,
        strict: wantsStrict(output.strict ?? isForeign(chat), output.schema, chat),
      };
  }
}

/** Callers of Anthropic and Gemini expect the schema to hold without saying so. */
function isForeign(chat: Chat): boolean {
  return chat.protocol === "anthropic-messages" || chat.protocol === "gemini";
}

function effortOf(chat: Chat, dialect: Dialect, dropped: string[]): Effort | undefined {
  const reasoning = chat.reasoning;
  if (!reasoning) return undefined;
  const budget = reasoning.budgetTokens;
  const asked =
    reasoning.mode === "off"
      ? "none"
      : (reasoning.effort ?? (budget === undefined ? undefined : budgetEffort(budget)));
  if (asked === undefined) return undefined;
  if (isReasoningModel(dialect) === false) {
    if (asked !== "none") dropped.push("reasoning");
    return undefined;
  }
  const fitted = fitEffort(dialect, asked);
  if (fitted !== asked) dropped.push("reasoning.effort");
  return fitted;
}

function encodeReasoningChoice(chat: Chat, dialect: Dialect, effort: Effort | undefined): JsonObject {
  const summary = wantsSummary(chat) && isReasoningModel(dialect) !== false && effort !== "none";
  if (effort === undefined && !summary) return {};
  return { reasoning: { ...(effort && { effort }), ...(summary && { summary: "auto" }) } };
}

/** Callers that asked to think want to see it, but for those whose API asks for thoughts apart (Responses, Gemini). */
function wantsSummary({ reasoning, protocol }: Chat): boolean {
  if (!reasoning) return false;
  if (reasoning.visibility !== undefined) return reasoning.visibility !== "none";
  const thinks = reasoning.mode === "on" || reasoning.mode === "auto";
  return thinks && protocol !== "openai-responses" && protocol !== "gemini";
}

/** The API's own minimum; a smaller limit would be a 400 to callers of APIs that allow it. */
const OUTPUT_TOKENS_LEAST = 16;

function encodeSampling(
  chat: Chat,
  dialect: Dialect,
  { effort, dropped }: { readonly effort: Effort | undefined; readonly dropped: string[] },
): JsonObject {
  const body: MutableJsonObject = {};
  const { outputTokensMax: limit, temperature, topP } = chat;
  if (limit !== undefined) {
    body["max_output_tokens"] = Math.max(limit, OUTPUT_TOKENS_LEAST);
    if (limit < OUTPUT_TOKENS_LEAST) dropped.push("max_output_tokens");
  }
  const isTaken = takesSampling(dialect, effort);
  if (temperature !== undefined && isTaken) body["temperature"] = temperature;
  if (topP !== undefined && isTaken) body["top_p"] = topP;
  if (temperature !== undefined && !isTaken) dropped.push("temperature");
  if (topP !== undefined && !isTaken) dropped.push("top_p");
  if (chat.logprobs?.top !== undefined && isTaken) body["top_logprobs"] = chat.logprobs.top;
  return body;
}

function encodeOwnership(chat: Chat, dropped: string[]): JsonObject {
  const isOpenAi = chat.protocol === "openai-responses" || chat.protocol === "openai-chat";
  if (chat.safety !== undefined && !isOpenAi) dropped.push("safety");
  return {
    ...(chat.serviceTier !== undefined && { service_tier: chat.serviceTier }),
    ...(chat.userId !== undefined && { safety_identifier: chat.userId }),
    ...(chat.metadata && { metadata: chat.metadata }),
    ...(chat.cache?.key !== undefined && { prompt_cache_key: chat.cache.key }),
    ...(chat.safety !== undefined && isOpenAi && { moderation: chat.safety }),
  };
}

function includeOf(chat: Chat, dialect: Dialect, dropped: string[]): readonly string[] {
  const include: string[] = [];
  if (asksEncrypted(dialect)) include.push(ENCRYPTED_INCLUDE);
  if (!chat.logprobs) return include;
  if (takesSampling(dialect, chat.reasoning?.effort)) return [...include, LOGPROBS_INCLUDE];
  if (chat.protocol !== "openai-responses") {
    throw new Failure("unsupported", "This target gives no log probabilities.", { param: "logprobs" });
  }
  dropped.push("include");
  return include;
}

/** OpenAI answers 400 where encrypted reasoning is asked of a model that has no reasoning. */
export function asksEncrypted(dialect: Dialect): boolean {
  return isReasoningModel(dialect) !== false;
}

/** Extension names are paths; lists the encoder began (`include`) are continued. */
function addExtensions(body: MutableJsonObject, extensions: JsonObject): void {
  for (const [path, value] of Object.entries(extensions)) {
    const [parent = path, child] = path.split(".", 2);
    const present = lookUp(body, parent);
    const extended =
      child === undefined
        ? extend(present, value)
        : { ...(isObject(present) ? present : {}), [child]: value };
    // A caller's field may be called `__proto__`: assigned, it would be swallowed.
    Object.defineProperty(body, parent, {
      value: extended,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
}

function extend(present: Json | undefined, value: Json | undefined): Json | undefined {
  return Array.isArray(present) && Array.isArray(value) ? joined(present, value) : value;
}

function joined(first: readonly Json[], second: readonly Json[]): readonly Json[] {
  return [...first, ...second.filter((value) => !first.includes(value))];
}
