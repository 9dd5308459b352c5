/** What an embeddings call says and gets, whatever API it came by: inputs in, one vector for each out, in order. */
import type { JsonObject } from "#lib/json.ts";
import type { Usage } from "./usage.ts";

export interface Embedding {
  /** The API the caller speaks: its own upstreams get its own words. */
  readonly api: EmbeddingApi;
  readonly model: string;
  readonly inputs: readonly EmbeddingInput[];
  /** How long each vector shall be; the model's own length where absent. */
  readonly dimensions?: number;
  /** How the caller wants its vectors written; the gateway rewrites them where the upstream did otherwise. */
  readonly encoding: "float" | "base64";
  /** Gemini only: which of its URLs was called, for answers that need no rewriting. */
  readonly shape?: "one" | "batch" | "predict";
  readonly userId?: string;
  /** Fields without a canonical name, by the name the caller's API has for them. */
  readonly extensions: JsonObject;
}

export type EmbeddingApi = "openai-embeddings" | "gemini";

export type EmbeddingInput = {
  /** Where the caller wrote it, for errors: `input[3]`, `requests[0].content`. */
  readonly path: string;
  /** What the vector is for: `RETRIEVAL_QUERY` and the like. Only Google's models are told. */
  readonly task?: string;
  readonly title?: string;
  /** Gemini only: further fields of this input as the caller wrote them, `autoTruncate` for one. */
  readonly settings?: JsonObject;
} & (
  | { readonly type: "text"; readonly text: string }
  /** Numbers of one model's own vocabulary. */
  | { readonly type: "tokens"; readonly tokens: readonly number[] }
  /** Something else than text, as the caller's API writes it: only upstreams of that API can take it. */
  | { readonly type: "foreign"; readonly value: JsonObject }
);

export interface EmbeddingAnswer {
  /** What really served, where the upstream says. */
  readonly model?: string;
  /** One for each input, in the inputs' order. */
  readonly vectors: readonly Vector[];
  readonly usage?: Usage;
  /** The upstream's body is already what a client of its own API asked for: encoding, order and usage. */
  readonly isAsAsked: boolean;
}

/** Numbers, or the little-endian float32 bytes of them in base64. */
export type Vector = readonly number[] | string;

const BYTES_PER_TOKEN = 4;
/** A picture or a page, where nobody counts for us. */
const FOREIGN_TOKENS = 1500;

/** Tokens of all inputs, where nobody counts them for us: an estimate, and to be marked as one. */
export function estimateEmbeddingTokens(inputs: readonly EmbeddingInput[]): number {
  return inputs.reduce((sum, input) => sum + inputTokens(input), 0);
}

function inputTokens(input: EmbeddingInput): number {
  switch (input.type) {
    case "text":
      return Math.ceil(Buffer.byteLength(input.text) / BYTES_PER_TOKEN);
    case "tokens":
      return input.tokens.length;
    case "foreign":
      return FOREIGN_TOKENS;
  }
}
