/**
 * The contract of an embeddings API: smaller than `protocol.ts`, because there are no turns and no streams. Pure, as
 * everything in a protocol's room. Failures are written and read by the chat protocol of the same vendor.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingAnswer } from "#model/embedding.ts";
import type { Dialect, RequestLine } from "./protocol.ts";

/** Towards clients: one for each URL. */
export interface EmbeddingClient {
  /** Throws `bad_request` with `detail.param` naming the field. Never trusts a type. */
  decodeRequest(body: JsonObject, line: RequestLine): Embedding;
  encodeReply(answer: EmbeddingReply, embedding: Embedding): JsonObject;
}

export interface EmbeddingReply extends EmbeddingAnswer {
  readonly model: string;
  /** As the upstream reported, else estimated. */
  readonly inputTokens: number;
}

export interface EmbeddingUpstream {
  /** Throws `unsupported` naming an input this API cannot take. `raw`: the caller's body, for its own API's upstream. */
  encodeRequest(embedding: Embedding, raw: JsonObject, dialect: Dialect): EncodedEmbedding;
  /** Throws `upstream_broken` where it is no answer to `call`. */
  decodeReply(body: unknown, call: EmbeddingCall, embedding: Embedding): EmbeddingAnswer;
}

export interface EncodedEmbedding {
  /** More than one where the upstream takes fewer inputs at a time; their vectors follow each other in this order. */
  readonly calls: readonly EmbeddingCall[];
  /** The one call carries the caller's own body: every byte that is not ours to change stays. */
  readonly isPatch: boolean;
  readonly dropped: readonly string[];
}

export interface EmbeddingCall {
  readonly operation: "embed" | "embed_batch";
  readonly body: JsonObject;
  readonly inputCount: number;
}
