/**
 * Google's embeddings, by each of their three URLs: `:embedContent` (one input), `:batchEmbedContents` (AI Studio) and
 * `:predict` (older models on Vertex AI). Wire facts: gemini.md of the protocol reference.
 */
import type { EmbeddingClient, EmbeddingUpstream } from "#protocols/embeddings.ts";
import { decodeBatch, decodeOne, decodePredict } from "./decode-embedding-request.ts";
import { decodeEmbeddingReply } from "./decode-embedding-reply.ts";
import { encodeBatchReply, encodeOneReply, encodePredictReply } from "./encode-embedding-reply.ts";
import { encodeEmbeddingRequest } from "./encode-embedding-request.ts";

export const geminiEmbeddings = {
  one: { decodeRequest: decodeOne, encodeReply: encodeOneReply },
  batch: { decodeRequest: decodeBatch, encodeReply: encodeBatchReply },
  predict: { decodeRequest: decodePredict, encodeReply: encodePredictReply },
  upstream: { encodeRequest: encodeEmbeddingRequest, decodeReply: decodeEmbeddingReply },
} as const satisfies Readonly<Record<"one" | "batch" | "predict", EmbeddingClient>> & {
  readonly upstream: EmbeddingUpstream;
};
