/** The vectors as a client of each of Google's three URLs reads them. */
import type { JsonObject } from "#lib/json.ts";
import { toNumbers } from "#model/vector.ts";
import type { EmbeddingReply } from "#protocols/embeddings.ts";

export function encodeOneReply(reply: EmbeddingReply): JsonObject {
  return { embedding: { values: valuesOf(reply)[0] ?? [] }, ...usageOf(reply) };
}

export function encodeBatchReply(reply: EmbeddingReply): JsonObject {
  return { embeddings: valuesOf(reply).map((values) => ({ values })), ...usageOf(reply) };
}

/** Here tokens are told for each input; only the sum is known, so it is told where there is one input. */
export function encodePredictReply(reply: EmbeddingReply): JsonObject {
  const statistics = reply.vectors.length === 1 ? { statistics: { token_count: reply.inputTokens } } : {};
  return {
    predictions: valuesOf(reply).map((values) => ({ embeddings: { values, ...statistics } })),
    ...usageOf(reply),
  };
}

function valuesOf({ vectors }: EmbeddingReply): readonly (readonly number[])[] {
  return vectors.map(toNumbers);
}

function usageOf({ inputTokens }: EmbeddingReply): JsonObject {
  return { usageMetadata: { promptTokenCount: inputTokens } };
}
