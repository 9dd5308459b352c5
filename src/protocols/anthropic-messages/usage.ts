/**
 * Usage both ways. Anthropic's `input_tokens` excludes cache reads and writes, as our buckets do, so nothing is added
 * or taken away. Null and absent mean "not told here": an earlier report stands.
 */
import { asObject, asString, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import type { Mutable } from "#lib/mutable.ts";
import { toCostNanoUsd, toCount, type Usage } from "#model/usage.ts";

export function decodeUsage(usage: JsonObject): Usage {
  const written = asObject(usage["cache_creation"]);
  const outputDetails = asObject(usage["output_tokens_details"]);
  const serverTools = asObject(usage["server_tool_use"]);
  const input = toCount(usage["input_tokens"]);
  const cacheRead = toCount(usage["cache_read_input_tokens"]);
  const cacheWrite = toCount(usage["cache_creation_input_tokens"]);
  const cacheWrite1h = toCount(written?.["ephemeral_1h_input_tokens"]);
  const output = toCount(usage["output_tokens"]);
  const reasoning = toCount(outputDetails?.["thinking_tokens"]);
  const webSearches = toCount(serverTools?.["web_search_requests"]);
  const tier = asString(usage["service_tier"]);
  // OpenRouter reports what it charged, on this API too.
  const cost = toCostNanoUsd(usage["cost"]);
  const told: Mutable<Usage> = {};
  if (input !== undefined) told.input = input;
  if (cacheRead !== undefined) told.cacheRead = cacheRead;
  if (cacheWrite !== undefined) told.cacheWrite = cacheWrite;
  if (cacheWrite1h !== undefined) told.cacheWrite1h = cacheWrite1h;
  if (output !== undefined) told.output = output;
  if (reasoning !== undefined) told.reasoning = reasoning;
  if (webSearches !== undefined) told.webSearches = webSearches;
  if (tier !== undefined) told.serviceTier = lookUp(tierMeaning, tier) ?? tier;
  if (cost !== undefined) told.costReportedNanoUsd = cost;
  return told;
}

const tierMeaning: Readonly<Record<string, string>> = { standard: "default", batch: "flex" };
const tierWord: Readonly<Record<string, string>> = { default: "standard", flex: "batch" };

/** As in a finished answer. Counts nobody reported read 0: this API's clients take the fields for granted. */
export function encodeUsage(usage: Usage | undefined): JsonObject {
  const cacheWrite = usage?.cacheWrite ?? 0;
  const cacheWrite1h = usage?.cacheWrite1h ?? 0;
  const searches = usage?.webSearches;
  const tier = usage?.serviceTier;
  return {
    input_tokens: usage?.input ?? 0,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: usage?.cacheRead ?? 0,
    cache_creation: {
      ephemeral_5m_input_tokens: Math.max(0, cacheWrite - cacheWrite1h),
      ephemeral_1h_input_tokens: cacheWrite1h,
    },
    output_tokens: usage?.output ?? 0,
    ...(usage?.reasoning !== undefined && { output_tokens_details: { thinking_tokens: usage.reasoning } }),
    ...(searches !== undefined && {
      server_tool_use: { web_search_requests: searches, web_fetch_requests: 0 },
    }),
    ...(tier !== undefined && { service_tier: lookUp(tierWord, tier) ?? tier }),
  };
}
