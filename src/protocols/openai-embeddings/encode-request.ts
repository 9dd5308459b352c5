/** The body for an OpenAI-like upstream: the caller's own where it speaks this API, else built from the canonical form. */
import type { JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingInput } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import type { EncodedEmbedding } from "#protocols/embeddings.ts";
import type { Dialect } from "#protocols/protocol.ts";

export function encodeEmbeddingRequest(
  embedding: Embedding,
  raw: JsonObject,
  dialect: Dialect,
): EncodedEmbedding {
  const inputCount = embedding.inputs.length;
  if (embedding.api === "openai-embeddings") {
    const body = { ...raw, model: dialect.model };
    return { calls: [{ operation: "embed", body, inputCount }], isPatch: true, dropped: [] };
  }
  const { dimensions, userId } = embedding;
  const body = {
    model: dialect.model,
    input: embedding.inputs.map(encodeInput),
    encoding_format: "float",
    ...(dimensions !== undefined && { dimensions }),
    ...(userId !== undefined && { user: userId }),
  };
  return { calls: [{ operation: "embed", body, inputCount }], isPatch: false, dropped: lost(embedding) };
}

function encodeInput(input: EmbeddingInput): string | readonly number[] {
  switch (input.type) {
    case "text":
      return input.text;
    case "tokens":
      return input.tokens;
    case "foreign":
      throw new Failure("unsupported", "This model's provider embeds text only.", {
        param: input.path,
        code: "unsupported_value",
      });
  }
}

/** Each kind of loss is named once, where it first stands. */
function lost({ inputs, extensions }: Embedding): readonly string[] {
  const names = new Set(Object.keys(extensions));
  for (const input of inputs) {
    if (input.task !== undefined) names.add("taskType");
    if (input.title !== undefined) names.add("title");
    for (const name of Object.keys(input.settings ?? {})) names.add(name);
  }
  return [...names];
}
