/**
 * `usageMetadata` as disjoint buckets: Google's prompt count includes what came from the cache and excludes what a
 * server tool fed in; its candidate count excludes thoughts. Enumerations may be numbers (Vertex, enum-encoding=int).
 */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { sumCounts, toCount, type Usage } from "#model/usage.ts";

/** `isFinal`: the answer is over, so an output count that is not there is zero. Undefined: no counts at all. */
export function decodeUsage(value: Json | undefined, isFinal: boolean): Usage | undefined {
  const metadata = asObject(value);
  if (!metadata) return undefined;
  const prompt = decodePrompt(metadata);
  const output = decodeOutput(metadata, isFinal);
  const tier = decodeTier(metadata);
  if (Object.keys(prompt).length === 0 && Object.keys(output).length === 0) return undefined;
  return { ...prompt, ...output, ...(tier !== undefined && { serviceTier: tier }) };
}

function decodePrompt(metadata: JsonObject): Usage {
  const prompt = toCount(metadata["promptTokenCount"]);
  const toolPrompt = toCount(metadata["toolUsePromptTokenCount"]);
  const cached = toCount(metadata["cachedContentTokenCount"]);
  if (prompt === undefined && toolPrompt === undefined) return {};
  const audio = countOf(metadata["promptTokensDetails"], "AUDIO");
  const image = countOf(metadata["promptTokensDetails"], "IMAGE");
  return {
    input: sumCounts(Math.max(0, (prompt ?? 0) - (cached ?? 0)), toolPrompt),
    ...(cached !== undefined && { cacheRead: cached }),
    ...(toolPrompt !== undefined && { toolPrompt }),
    ...(audio !== undefined && { audioInput: audio }),
    ...(image !== undefined && { imageInput: image }),
  };
}

function decodeOutput(metadata: JsonObject, isFinal: boolean): Usage {
  const candidates = toCount(metadata["candidatesTokenCount"]);
  const thoughts = toCount(metadata["thoughtsTokenCount"]);
  const prompt = toCount(metadata["promptTokenCount"]);
  const audio = countOf(metadata["candidatesTokensDetails"], "AUDIO");
  const image = countOf(metadata["candidatesTokensDetails"], "IMAGE");
  if (candidates === undefined && thoughts === undefined) {
    if (!isFinal || prompt === undefined) return {};
    const rest = (toCount(metadata["totalTokenCount"]) ?? prompt) - prompt;
    return { output: Math.max(0, rest - (toCount(metadata["toolUsePromptTokenCount"]) ?? 0)) };
  }
  return {
    output: sumCounts(candidates, thoughts),
    ...(thoughts !== undefined && { reasoning: thoughts }),
    ...(audio !== undefined && { audioOutput: audio }),
    ...(image !== undefined && { imageOutput: image }),
  };
}

/** google.cloud.aiplatform.v1 Modality. */
const MODALITY_NUMBERS = { IMAGE: 2, AUDIO: 4 } as const;

function countOf(details: Json | undefined, modality: "AUDIO" | "IMAGE"): number | undefined {
  const found = asArray(details)
    .map(asObject)
    .find(
      (detail) => detail?.["modality"] === modality || detail?.["modality"] === MODALITY_NUMBERS[modality],
    );
  return toCount(found?.["tokenCount"]);
}

const TRAFFIC_TIERS: ReadonlyMap<Json | undefined, string> = new Map<Json | undefined, string>([
  ["ON_DEMAND", "default"],
  [1, "default"],
  ["ON_DEMAND_PRIORITY", "priority"],
  ["ON_DEMAND_FLEX", "flex"],
  ["PROVISIONED_THROUGHPUT", "scale"],
  [2, "scale"],
]);

function decodeTier(metadata: JsonObject): string | undefined {
  const tier = asString(metadata["serviceTier"])?.toLowerCase();
  if (tier !== undefined) return tier === "standard" ? "default" : tier;
  return TRAFFIC_TIERS.get(metadata["trafficType"]);
}
