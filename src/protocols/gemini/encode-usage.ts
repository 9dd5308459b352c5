/** Disjoint buckets back to Google's counts: the prompt with its cached part, the candidates without thoughts. */
import type { JsonObject } from "#lib/json.ts";
import { inputTotal, type Usage } from "#model/usage.ts";

/** The field, or nothing at all where nobody counted: a zero would be a claim. */
export function usageField(usage: Usage | undefined): JsonObject {
  return usage ? { usageMetadata: encodeUsage(usage) } : {};
}

function encodeUsage(usage: Usage): JsonObject {
  const toolPrompt = usage.toolPrompt ?? 0;
  const prompt = Math.max(0, (inputTotal(usage) ?? 0) - toolPrompt);
  const thoughts = usage.reasoning ?? 0;
  const candidates = Math.max(0, (usage.output ?? 0) - thoughts);
  return {
    promptTokenCount: prompt,
    candidatesTokenCount: candidates,
    totalTokenCount: prompt + toolPrompt + candidates + thoughts,
    ...(usage.cacheRead !== undefined && { cachedContentTokenCount: usage.cacheRead }),
    ...(usage.reasoning !== undefined && { thoughtsTokenCount: thoughts }),
    ...(usage.toolPrompt !== undefined && { toolUsePromptTokenCount: toolPrompt }),
    ...details("promptTokensDetails", { total: prompt, audio: usage.audioInput, image: usage.imageInput }),
    ...details("candidatesTokensDetails", {
      total: candidates,
      audio: usage.audioOutput,
      image: usage.imageOutput,
    }),
  };
}

interface Split {
  readonly total: number;
  readonly audio: number | undefined;
  readonly image: number | undefined;
}

function details(name: string, { total, audio, image }: Split): JsonObject {
  if (audio === undefined && image === undefined) return {};
  const text = Math.max(0, total - (audio ?? 0) - (image ?? 0));
  const entries = [
    ["TEXT", text],
    ["IMAGE", image ?? 0],
    ["AUDIO", audio ?? 0],
  ] as const;
  return {
    [name]: entries
      .filter(([, tokenCount]) => tokenCount > 0)
      .map(([modality, tokenCount]) => ({ modality, tokenCount })),
  };
}
