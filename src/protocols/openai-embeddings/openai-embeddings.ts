/** OpenAI's `/v1/embeddings` and everybody compatible with it. Wire facts: openai-chat.md of the protocol reference. */
import type { EmbeddingClient, EmbeddingUpstream } from "#protocols/embeddings.ts";
import { decodeEmbeddingReply } from "./decode-reply.ts";
import { decodeEmbeddingRequest } from "./decode-request.ts";
import { encodeEmbeddingReply } from "./encode-reply.ts";
import { encodeEmbeddingRequest } from "./encode-request.ts";

export const openaiEmbeddings = {
  client: { decodeRequest: decodeEmbeddingRequest, encodeReply: encodeEmbeddingReply },
  upstream: { encodeRequest: encodeEmbeddingRequest, decodeReply: decodeEmbeddingReply },
} as const satisfies { readonly client: EmbeddingClient; readonly upstream: EmbeddingUpstream };
