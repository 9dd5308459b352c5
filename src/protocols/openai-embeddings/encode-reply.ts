/** The answer as a client of OpenAI's API reads it. Its official SDK asks for base64 unless it was told otherwise. */
import type { JsonObject } from "#lib/json.ts";
import type { Embedding } from "#model/embedding.ts";
import type { EmbeddingReply } from "#protocols/embeddings.ts";
import { toBase64, toNumbers } from "#model/vector.ts";

export function encodeEmbeddingReply(reply: EmbeddingReply, embedding: Embedding): JsonObject {
  const write = embedding.encoding === "base64" ? toBase64 : toNumbers;
  return {
    object: "list",
    data: reply.vectors.map((vector, index) => ({ object: "embedding", index, embedding: write(vector) })),
    model: reply.model,
    usage: { prompt_tokens: reply.inputTokens, total_tokens: reply.inputTokens },
  };
}
