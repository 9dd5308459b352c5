/**
 * Token counts, both ways. On this wire `prompt_tokens` includes cached tokens and `completion_tokens` includes
 * reasoning; canonical buckets are disjoint. Servers that count otherwise under the same names are told apart by
 * arithmetic, never by who they claim to be.
 */
import { asObject, asString, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import { inputTotal, sumCounts, toCostNanoUsd, toCount, type Usage } from "#model/usage.ts";

/** Where servers put usage: top level, Groq's `x_groq`, Moonshot's first choice. */
export function findUsage(body: JsonObject, choice: JsonObject | undefined): JsonObject | undefined {
  return (
    asObject(body["usage"]) ?? asObject(asObject(body["x_groq"])?.["usage"]) ?? asObject(choice?.["usage"])
  );
}

const NO_DETAILS: JsonObject = {};

export function decodeUsage(usage: JsonObject, serviceTier?: string): Usage {
  const promptDetails = asObject(usage["prompt_tokens_details"]) ?? NO_DETAILS;
  const completionDetails = asObject(usage["completion_tokens_details"]) ?? NO_DETAILS;
  const prompt = toCount(usage["prompt_tokens"]);
  const cacheRead =
    toCount(promptDetails["cached_tokens"]) ??
    toCount(usage["prompt_cache_hit_tokens"]) ??
    toCount(usage["cached_tokens"]) ??
    toCount(usage["num_cached_tokens"]);
  const cacheWrite = toCount(promptDetails["cache_write_tokens"]);
  const cached = sumCounts(cacheRead, cacheWrite);
  // More cached than prompted: the server counts as Anthropic does, without the cached ones.
  const isExclusive = prompt !== undefined && cached > prompt;
  const input = prompt === undefined ? undefined : isExclusive ? prompt : prompt - cached;
  const told: Mutable<Usage> = {};
  if (input !== undefined) told.input = input;
  if (cacheRead !== undefined) told.cacheRead = cacheRead;
  if (cacheWrite !== undefined) told.cacheWrite = cacheWrite;
  const output = outputOf(usage, isExclusive);
  if (output !== undefined) told.output = output;
  addPromptParts(told, promptDetails);
  addCompletionParts(told, completionDetails);
  const searches = toCount(asObject(usage["server_tool_use_details"])?.["web_search_requests"]);
  if (searches !== undefined) told.webSearches = searches;
  const cost = costOf(usage);
  if (cost !== undefined) told.costReportedNanoUsd = cost;
  const tier = serviceTier === "" ? undefined : (serviceTier ?? asString(usage["service_tier"]));
  if (tier !== undefined) told.serviceTier = tier;
  return told;
}

function addPromptParts(told: Mutable<Usage>, details: JsonObject): void {
  const audio = toCount(details["audio_tokens"]);
  const image = toCount(details["image_tokens"]);
  if (audio !== undefined) told.audioInput = audio;
  if (image !== undefined) told.imageInput = image;
}

function addCompletionParts(told: Mutable<Usage>, details: JsonObject): void {
  const reasoning = toCount(details["reasoning_tokens"]);
  const audio = toCount(details["audio_tokens"]);
  const image = toCount(details["image_tokens"]);
  const accepted = toCount(details["accepted_prediction_tokens"]);
  const rejected = toCount(details["rejected_prediction_tokens"]);
  if (reasoning !== undefined) told.reasoning = reasoning;
  if (audio !== undefined) told.audioOutput = audio;
  if (image !== undefined) told.imageOutput = image;
  if (accepted !== undefined) told.predictionAccepted = accepted;
  if (rejected !== undefined) told.predictionRejected = rejected;
}

export function encodeUsage(usage: Usage): JsonObject {
  const prompt = inputTotal(usage) ?? 0;
  const completion = usage.output ?? 0;
  const promptDetails: MutableJsonObject = {
    cached_tokens: usage.cacheRead ?? 0,
    audio_tokens: usage.audioInput ?? 0,
  };
  if (usage.cacheWrite !== undefined) promptDetails["cache_write_tokens"] = usage.cacheWrite;
  if (usage.imageInput !== undefined) promptDetails["image_tokens"] = usage.imageInput;
  const completionDetails: MutableJsonObject = {
    reasoning_tokens: usage.reasoning ?? 0,
    audio_tokens: usage.audioOutput ?? 0,
    accepted_prediction_tokens: usage.predictionAccepted ?? 0,
    rejected_prediction_tokens: usage.predictionRejected ?? 0,
  };
  if (usage.imageOutput !== undefined) completionDetails["image_tokens"] = usage.imageOutput;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: promptDetails,
    completion_tokens_details: completionDetails,
  };
}

/** Some servers (xAI, Gemini's OpenAI layer) leave reasoning out of `completion_tokens`, but not of the total. */
function outputOf(usage: JsonObject, isExclusive: boolean): number | undefined {
  const prompt = toCount(usage["prompt_tokens"]);
  const completion = toCount(usage["completion_tokens"]);
  const total = toCount(usage["total_tokens"]);
  if (isExclusive || prompt === undefined || total === undefined) return completion;
  if (completion === undefined) return total >= prompt ? total - prompt : undefined;
  return total > prompt + completion ? total - prompt : completion;
}

/**
 * What the provider says it charged, in nano-dollars. OpenRouter: `cost` in dollars, which with the caller's own
 * provider key is only the fee, the provider's charge standing beside it. Perplexity: an object with a total.
 */
function costOf(usage: JsonObject): number | undefined {
  const cost = toCostNanoUsd(usage["cost"]) ?? toCostNanoUsd(asObject(usage["cost"])?.["total_cost"]);
  if (cost === undefined) return undefined;
  const details = asObject(usage["cost_details"]);
  const isOwnKey = usage["is_byok"] === true;
  return sumCounts(cost, isOwnKey ? toCostNanoUsd(details?.["upstream_inference_cost"]) : undefined);
}
