/**
 * Usage both ways. This API counts cached tokens inside `input_tokens`; the record keeps the buckets apart, so they
 * are taken out here and put back there.
 */
import { asObject, asString, type JsonObject } from "#lib/json.ts";
import { inputTotal, sumCounts, toCostNanoUsd, toCount, type Usage } from "#model/usage.ts";

/** Reads `usage` and `service_tier` of a response object; undefined where the server reported no tokens. */
export function decodeUsage(response: JsonObject): Usage | undefined {
  const usage = asObject(response["usage"]);
  if (!usage) return undefined;
  const inputDetails = asObject(usage["input_tokens_details"]);
  const outputDetails = asObject(usage["output_tokens_details"]);
  const cacheRead = toCount(inputDetails?.["cached_tokens"]);
  const cacheWrite = toCount(inputDetails?.["cache_write_tokens"]);
  const total = toCount(usage["input_tokens"]);
  const output = outputOf(usage, total);
  const reasoning = toCount(outputDetails?.["reasoning_tokens"]);
  const webSearches = searchesOf(response, usage);
  const cost = costOf(usage);
  const tier = asString(response["service_tier"]);
  return {
    ...(total !== undefined && { input: uncached(total, sumCounts(cacheRead, cacheWrite)) }),
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
    ...(output !== undefined && { output }),
    ...(reasoning !== undefined && { reasoning }),
    ...(webSearches !== undefined && { webSearches }),
    ...(cost !== undefined && { costReportedNanoUsd: cost }),
    ...(tier !== undefined && { serviceTier: tier }),
  };
}

/** A server whose cached tokens pass the total uses Anthropic's definition under these names. */
function uncached(total: number, cached: number): number {
  return cached > total ? total : total - cached;
}

/** Some servers leave reasoning out of `output_tokens` and only count it in the total. */
function outputOf(usage: JsonObject, input: number | undefined): number | undefined {
  const output = toCount(usage["output_tokens"]);
  const total = toCount(usage["total_tokens"]);
  if (output === undefined || total === undefined || input === undefined) return output;
  return Math.max(output, total - input);
}

function searchesOf(response: JsonObject, usage: JsonObject): number | undefined {
  const openai = asObject(asObject(response["tool_usage"])?.["web_search"])?.["num_requests"];
  const xai = asObject(usage["server_side_tool_usage_details"])?.["web_search_calls"];
  return toCount(openai) ?? toCount(xai);
}

/** xAI's tick is a ten-billionth of a dollar. */
const TICKS_PER_NANO_USD = 10;

/** OpenRouter reports dollars, xAI ticks. A number that is no amount of money is as good as none. */
function costOf(usage: JsonObject): number | undefined {
  const ticks = toCount(usage["cost_in_usd_ticks"]);
  if (ticks !== undefined) return Math.round(ticks / TICKS_PER_NANO_USD);
  return toCostNanoUsd(usage["cost"]);
}

/** Null where nothing is known: 0 would be a claim. Both detail objects are mandatory to strict clients. */
export function encodeUsage(usage: Usage | undefined): JsonObject | null {
  const input = usage && inputTotal(usage);
  const output = usage?.output;
  if (input === undefined && output === undefined) return null;
  return {
    input_tokens: input ?? 0,
    input_tokens_details: {
      cached_tokens: usage?.cacheRead ?? 0,
      cache_write_tokens: usage?.cacheWrite ?? 0,
    },
    output_tokens: output ?? 0,
    output_tokens_details: { reasoning_tokens: usage?.reasoning ?? 0 },
    total_tokens: (input ?? 0) + (output ?? 0),
  };
}
