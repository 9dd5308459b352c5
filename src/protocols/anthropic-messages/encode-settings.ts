/** The small settings of a request: sampling, tier, user; and the hints this API has no word for. */
import { lookUp } from "#lib/look-up.ts";
import type { JsonObject, MutableJsonObject } from "#lib/json.ts";
import { saidFields } from "#protocols/list-unsaid.ts";
import type { Chat } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import type { ModelRules } from "./model-rules.ts";

interface SamplingFrame {
  readonly rules: ModelRules;
  readonly isThinking: boolean;
  readonly dropped: Set<string>;
}

/** The least `top_p` a thinking model takes. */
const TOP_P_MIN = 0.99;

/** Values a model refuses are left out and listed. */
export function encodeSampling(chat: Chat, { rules, isThinking, dropped }: SamplingFrame): JsonObject {
  const stop = stopField(chat, dropped);
  if (rules.sampling === "refused" || isThinking) {
    const keepsTemperature = chat.temperature === 1;
    const keepsTopP = chat.topP !== undefined && chat.topP >= TOP_P_MIN;
    if (chat.temperature !== undefined && !keepsTemperature) dropped.add("temperature");
    if (chat.topP !== undefined && !keepsTopP) dropped.add("top_p");
    if (chat.topK !== undefined) dropped.add("top_k");
    return { ...stop, ...(keepsTemperature && { temperature: 1 }), ...(keepsTopP && { top_p: chat.topP }) };
  }
  const temperature = chat.temperature === undefined ? undefined : Math.min(chat.temperature, 1);
  if (temperature !== chat.temperature) dropped.add("temperature");
  const isDouble = rules.sampling !== "free" && temperature !== undefined && chat.topP !== undefined;
  if (isDouble && chat.topP !== 1) dropped.add("top_p");
  const fields: MutableJsonObject = { ...stop };
  if (temperature !== undefined) fields["temperature"] = temperature;
  if (chat.topP !== undefined && !isDouble) fields["top_p"] = chat.topP;
  if (chat.topK !== undefined) fields["top_k"] = chat.topK;
  return fields;
}

/** The API refuses stop texts that are white space. */
function stopField(chat: Chat, dropped: Set<string>): JsonObject {
  if (chat.stop === undefined) return {};
  const stop = chat.stop.filter((text) => text.trim() !== "");
  if (stop.length < chat.stop.length) dropped.add("stop");
  return stop.length === 0 ? {} : { stop_sequences: stop };
}

const tiers: ReadonlyMap<string, JsonObject> = new Map([
  ["default", { service_tier: "standard_only" }],
  ["standard", { service_tier: "standard_only" }],
  ["auto", { service_tier: "auto" }],
  ["priority", { service_tier: "auto" }],
  ["fast", { speed: "fast" }],
]);

export function encodeTier(chat: Chat, dialect: Dialect, dropped: Set<string>): JsonObject {
  if (chat.serviceTier === undefined) return {};
  const isAnthropics = dialect.host === "anthropic" || dialect.host === "clewdr";
  const field = isAnthropics ? tiers.get(chat.serviceTier) : undefined;
  if (field === undefined) dropped.add("service_tier");
  return field ?? {};
}

const USER_ID_CHARS_MAX = 256;

/** The API wants an opaque id here and no personal data. */
export function encodeUser(chat: Chat, dropped: Set<string>): JsonObject {
  if (chat.userId === undefined) return {};
  const isOwn = chat.protocol === "anthropic-messages";
  const isFit = chat.userId.length <= USER_ID_CHARS_MAX && !chat.userId.includes("@");
  if (isOwn || isFit) return { metadata: { user_id: chat.userId } };
  dropped.add("user");
  return {};
}

export function listHints(chat: Chat, dropped: Set<string>): void {
  const hints: Readonly<Record<string, unknown>> = {
    frequency_penalty: chat.frequencyPenalty || undefined,
    presence_penalty: chat.presencePenalty || undefined,
    repetition_penalty: chat.repetitionPenalty === 1 ? undefined : chat.repetitionPenalty,
    min_p: chat.minP || undefined,
    seed: chat.seed,
    logit_bias: isEmpty(chat.logitBias) ? undefined : chat.logitBias,
    verbosity: chat.verbosity,
    metadata: isEmpty(chat.metadata) ? undefined : chat.metadata,
    store: chat.store || undefined,
    safety_settings: chat.safety,
    prompt_cache_key: chat.cache?.key,
  };
  for (const name in hints) if (lookUp(hints, name) !== undefined) dropped.add(name);
  if (chat.protocol === "anthropic-messages") return;
  for (const name of saidFields(chat.extensions)) dropped.add(name);
}

function isEmpty(map: object | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0;
}
