/**
 * `usageMetadata` as disjoint buckets: Google's prompt count includes what came from the cache and excludes what a
 * server tool fed in; its candidate count excludes thoughts. Enumerations may be numbers (Vertex, enum-encoding=int).
 */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Usage } from "#model/usage.ts";

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
  const prompt = asNumber(metadata["promptTokenCount"]);
  const toolPrompt = asNumber(metadata["toolUsePromptTokenCount"]);
  const cached = asNumber(metadata["cachedContentTokenCount"]);
  if (prompt === undefined && toolPrompt === undefined) return {};
  const audio = countOf(metadata["promptTokensDetails"], "AUDIO");
  const image = countOf(metadata["promptTokensDetails"], "IMAGE");
  return {
    input: Math.max(0, (prompt ?? 0) - (cached ?? 0)) + (toolPrompt ?? 0),
    ...(cached !== undefined && { cacheRead: cached }),
    ...(toolPrompt !== undefined && { toolPrompt }),
    ...(audio !== undefined && { audioInput: audio }),
    ...(image !== undefined && { imageInput: image }),
  };
}

function decodeOutput(metadata: JsonObject, isFinal: boolean): Usage {
  const candidates = asNumber(metadata["candidatesTokenCount"]);
  const thoughts = asNumber(metadata["thoughtsTokenCount"]);
  const prompt = asNumber(metadata["promptTokenCount"]);
  const audio = countOf(metadata["candidatesTokensDetails"], "AUDIO");
  const image = countOf(metadata["candidatesTokensDetails"], "IMAGE");
  if (candidates === undefined && thoughts === undefined) {
    if (!isFinal || prompt === undefined) return {};
    const rest = (asNumber(metadata["totalTokenCount"]) ?? prompt) - prompt;
    return { output: Math.max(0, rest - (asNumber(metadata["toolUsePromptTokenCount"]) ?? 0)) };
  }
  return {
    output: (candidates ?? 0) + (thoughts ?? 0),
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
  return asNumber(found?.["tokenCount"]);
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
