/**
 * A canonical request as a Chat Completions body, for requests that came in another API. What this host cannot take
 * is dropped and listed where it only tunes the answer, and refused where the caller would break on its absence
 * (docs/translation.md): more alternatives, logprobs, hosted tools, content the model could not read.
 */
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { Chat, Effort, Reasoning } from "#model/chat.ts";
import { listUnsaid, saidFields } from "#protocols/list-unsaid.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { effortsOf, isReasoningModel, quirksOf, type Optional, type Quirks } from "./dialects.ts";
import { encodeMessages } from "./encode-messages.ts";
import { encodeOutput } from "./encode-output.ts";
import { encodeTools } from "./encode-tools.ts";
import { withoutThinkingInLostLoop } from "./open-loop.ts";
import { present } from "./present.ts";
import { unsupported } from "./unsupported.ts";

export function encodeRequest(chat: Chat, dialect: Dialect): EncodedRequest {
  const writer = new RequestWriter(chat, dialect);
  const body = withoutThinkingInLostLoop(writer.body(), dialect, writer.dropped);
  return { body, headers: NO_HEADERS, dropped: [...writer.dropped] };
}

class RequestWriter {
  readonly dropped = new Set<string>();
  readonly #chat: Chat;
  readonly #dialect: Dialect;
  readonly #quirks: Quirks;

  constructor(chat: Chat, dialect: Dialect) {
    this.#chat = chat;
    this.#dialect = dialect;
    this.#quirks = quirksOf(dialect);
  }

  body(): JsonObject {
    const chat = this.#chat;
    const output = encodeOutput(chat, this.#quirks, this.dropped);
    const isSameApi = chat.protocol === "openai-chat";
    if (!isSameApi) this.#leaveForeign();
    this.#listUnsaid();
    return {
      model: this.#dialect.model,
      messages: encodeMessages(chat, this.#dialect, {
        dropped: this.dropped,
        instruction: output.instruction,
      }),
      ...(chat.stream && { stream: true }),
      ...(chat.stream && this.#takes("stream_usage") && { stream_options: { include_usage: true } }),
      ...(this.#dialect.host === "openrouter" && { usage: { include: true } }),
      ...encodeTools(chat, this.#dialect, this.dropped),
      ...output.fields,
      ...this.#sampling(),
      ...this.#shape(),
      ...this.#account(),
      ...this.#reasoning(),
      ...(isSameApi && this.#extensions()),
    };
  }

  /** Fields of another API: what it keeps for the caller is refused, because without it the request is another one. */
  #leaveForeign(): void {
    const { extensions, cache } = this.#chat;
    for (const name of KEPT_ELSEWHERE) {
      const value = extensions[name] ?? false;
      if (value !== false && !isEmptyList(value)) throw unsupported(name, this.#dialect, "does not keep");
    }
    if (cache?.explicitName !== undefined)
      throw unsupported("cached_content", this.#dialect, "does not keep");
    for (const name of saidFields(extensions)) this.dropped.add(name);
  }

  #listUnsaid(): void {
    const isOwn = this.#chat.protocol === "openai-chat";
    const unsaid = listUnsaid(this.#chat, {
      cacheMarks: this.#takes("cache_control"),
      citationWishes: false,
      // The API itself does not read annotations of earlier answers.
      citation: () => isOwn,
    });
    for (const name of unsaid) this.dropped.add(name);
  }

  #takes(name: Optional): boolean {
    return this.#quirks.takes.has(name);
  }

  /** The value where the host takes the field; else nothing, and the field is listed. */
  #ifTaken<Value>(name: Optional, value: Value | undefined): Value | undefined {
    if (value === undefined || this.#takes(name)) return value;
    this.dropped.add(name);
    return undefined;
  }

  #sampling(): JsonObject {
    const chat = this.#chat;
    const { stopsMax, outputLimitField, seedField } = this.#quirks;
    if (chat.stop && chat.stop.length > stopsMax) throw unsupported("stop", this.#dialect, `takes fewer`);
    const refusesStop = /^(?:o3|o4-mini)/.test(this.#dialect.model) && this.#dialect.host === "openai";
    if (refusesStop && chat.stop?.length) this.dropped.add("stop");
    return present({
      [outputLimitField]: chat.outputTokensMax,
      // Thinking models take the default and nothing else; saying the default is no wish.
      temperature:
        chat.temperature === 1
          ? this.#ifKnown("temperature", 1)
          : this.#ifTaken("temperature", chat.temperature),
      top_p: chat.topP === 1 ? this.#ifKnown("top_p", 1) : this.#ifTaken("top_p", chat.topP),
      top_k: this.#ifTaken("top_k", chat.topK),
      min_p: this.#ifTaken("min_p", chat.minP),
      frequency_penalty: this.#ifTaken("frequency_penalty", chat.frequencyPenalty),
      presence_penalty: this.#ifTaken("presence_penalty", chat.presencePenalty),
      repetition_penalty: this.#ifTaken("repetition_penalty", chat.repetitionPenalty),
      [seedField]: this.#ifTaken("seed", chat.seed),
      stop: chat.stop?.length && !refusesStop ? chat.stop : undefined,
      logit_bias: this.#ifTaken("logit_bias", chat.logitBias),
    });
  }

  #ifKnown<Value>(name: Optional, value: Value): Value | undefined {
    return this.#takes(name) ? value : undefined;
  }

  #shape(): JsonObject {
    const chat = this.#chat;
    if ((chat.choices ?? 1) > 1 && !this.#takes("n")) throw unsupported("n", this.#dialect);
    if (chat.logprobs && !this.#takes("logprobs")) throw unsupported("logprobs", this.#dialect);
    const wantsAudio = chat.modalities?.includes("audio") ?? false;
    if (wantsAudio && !this.#takes("audio")) throw unsupported("modalities", this.#dialect);
    const wantsImage = chat.modalities?.includes("image") ?? false;
    if (wantsImage && !this.#takes("images")) throw unsupported("modalities", this.#dialect);
    return present({
      n: chat.choices === 1 ? undefined : chat.choices,
      logprobs: chat.logprobs && true,
      top_logprobs: chat.logprobs?.top,
      modalities: wantsAudio || wantsImage ? chat.modalities : undefined,
      audio: wantsAudio && chat.audioOutput ? present({ ...chat.audioOutput }) : undefined,
      verbosity: this.#ifTaken("verbosity", chat.verbosity),
      web_search_options: this.#webSearch(),
    });
  }

  /** Its object is of the caller's API; only its own kind can read it. */
  #webSearch(): JsonObject | undefined {
    const wish = this.#chat.webSearch;
    if (!wish) return undefined;
    if (this.#chat.protocol === "openai-chat") return this.#ifTaken("web_search_options", wish);
    if (!this.#takes("web_search_options")) throw unsupported("web_search", this.#dialect);
    return {};
  }

  #account(): JsonObject {
    const { cache, userId, serviceTier, metadata, store, safety, protocol } = this.#chat;
    const isOpenai = protocol === "openai-chat" || protocol === "openai-responses";
    const userField = this.#takes("safety_identifier") ? "safety_identifier" : "user";
    return present({
      [userField]: this.#ifTaken(userField, userId),
      service_tier: this.#ifTaken("service_tier", serviceTier),
      metadata: this.#ifTaken("metadata", metadata),
      // Not to store is what a host without a store does anyway.
      store: store === false ? this.#ifKnown("store", false) : this.#ifTaken("store", store),
      // Safety settings of other APIs are no moderation policy of this one.
      moderation: isOpenai ? this.#ifTaken("moderation", safety) : this.#untold("safety_settings", safety),
      prompt_cache_key: this.#ifTaken("prompt_cache_key", cache?.key),
      cache_control:
        cache?.automatic && this.#takes("cache_control")
          ? { type: "ephemeral", ...ttlOf(cache.automatic) }
          : undefined,
    });
  }

  #untold(name: string, value: unknown): undefined {
    if (value !== undefined) this.dropped.add(name);
    return undefined;
  }

  #reasoning(): JsonObject {
    const wish = this.#chat.reasoning;
    if (!wish) return {};
    switch (this.#quirks.reasoning) {
      case "effort":
        return this.#effortField(wish);
      case "object":
        return { reasoning: reasoningObject(wish) };
      case "thinking":
        return thinkingFields(wish);
      case "none":
        if (wish.mode !== "off") this.dropped.add("reasoning");
        return {};
    }
  }

  #effortField(wish: Reasoning): JsonObject {
    const asked = effortOf(wish);
    if (asked === undefined) return {};
    const known = effortsOf(this.#dialect.model);
    const isNative = isReasoningModel(this.#dialect.model);
    const effort = known && isNative ? nearestEffort(asked, known) : asked;
    if (effort !== asked) this.dropped.add("reasoning_effort");
    return { reasoning_effort: effort };
  }

  #extensions(): JsonObject {
    const rest: MutableJsonObject = { ...this.#chat.extensions };
    if (this.#dialect.host === "openrouter") return rest;
    for (const name of OPENROUTER_FIELDS) {
      if (rest[name] === undefined) continue;
      this.dropped.add(name);
      delete rest[name];
    }
    return rest;
  }
}

/** By these a caller refers to what its provider keeps or runs. */
const KEPT_ELSEWHERE = [
  "previous_response_id",
  "conversation",
  "prompt",
  "mcp_servers",
  "background",
] as const;

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Fields only OpenRouter understands; a strict server would refuse them. */
const OPENROUTER_FIELDS = [
  "models",
  "provider",
  "plugins",
  "transforms",
  "route",
  "session_id",
  "trace",
] as const;

function ttlOf(mark: { readonly lifetime?: string }): JsonObject {
  return mark.lifetime === undefined || mark.lifetime === "5m" ? {} : { ttl: "1h" };
}

function reasoningObject(wish: Reasoning): JsonObject {
  const exclude = wish.visibility === "none" && { exclude: true };
  if (wish.mode === "off" || wish.effort === "none") return { effort: "none", ...exclude };
  if (wish.effort !== undefined) return { effort: wish.effort, ...exclude };
  if (wish.budgetTokens !== undefined && wish.budgetTokens > 0)
    return { max_tokens: wish.budgetTokens, ...exclude };
  return { enabled: true, ...exclude };
}

/** DeepSeek knows three efforts and a switch that is on by default. */
function thinkingFields(wish: Reasoning): JsonObject {
  const effort = effortOf(wish);
  if (effort === "none") return { thinking: { type: "disabled" } };
  if (effort === undefined) return { thinking: { type: "enabled" } };
  const isLow = effort === "minimal" || effort === "low";
  return {
    thinking: { type: "enabled" },
    reasoning_effort: isLow ? "low" : effort === "max" ? "max" : "high",
  };
}

/** The effort a wish amounts to; undefined where the model may decide. */
function effortOf(wish: Reasoning): Effort | undefined {
  if (wish.effort !== undefined) return wish.effort;
  if (wish.mode === "off") return "none";
  const budget = wish.budgetTokens;
  if (budget === undefined || budget < 0) return undefined;
  return BUDGETS.find(([most]) => budget <= most)?.[1] ?? "max";
}

const BUDGETS: readonly (readonly [number, Effort])[] = [
  [0, "none"],
  [1024, "minimal"],
  [4096, "low"],
  [12288, "medium"],
  [24576, "high"],
  [49152, "xhigh"],
];

const LADDER: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/** The strongest known effort that is not stronger than asked, else the weakest there is. */
function nearestEffort(asked: Effort, known: readonly Effort[]): Effort {
  const weaker = known.filter((effort) => LADDER.indexOf(effort) <= LADDER.indexOf(asked));
  return weaker.at(-1) ?? known[0] ?? asked;
}
