/**
 * Embedding requests for a Google upstream. AI Studio takes one input or a batch of a hundred; Vertex AI takes one by
 * `:embedContent` for its newer models and a list by `:predict` for the older, of which `gemini-embedding-001` takes
 * one at a time all the same. So one request may become several calls.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingInput } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import type { EmbeddingCall, EncodedEmbedding } from "#protocols/embeddings.ts";
import type { Dialect } from "#protocols/protocol.ts";

const BATCH_MAX = 100;
const INSTANCES_MAX = 250;

export function encodeEmbeddingRequest(
  embedding: Embedding,
  _raw: JsonObject,
  dialect: Dialect,
): EncodedEmbedding {
  const { userId, extensions } = embedding;
  const dropped = [...(userId === undefined ? [] : ["user"]), ...Object.keys(extensions)];
  return { calls: callsOf(embedding, dialect), isPatch: false, dropped };
}

function callsOf(embedding: Embedding, dialect: Dialect): readonly EmbeddingCall[] {
  const { inputs } = embedding;
  if (dialect.host !== "vertex") {
    if (inputs.length === 1) return inputs.map((input) => oneCall(contentRequest(embedding, input)));
    const model = dialect.model.includes("/") ? dialect.model : `models/${dialect.model}`;
    return chunksOf(inputs, BATCH_MAX).map((chunk) => ({
      operation: "embed_batch",
      body: { requests: chunk.map((input) => ({ model, ...contentRequest(embedding, input) })) },
      inputCount: chunk.length,
    }));
  }
  if (takesContent(dialect.model)) return inputs.map((input) => oneCall(configRequest(embedding, input)));
  const size = dialect.model.startsWith("gemini-") ? 1 : INSTANCES_MAX;
  return chunksOf(inputs, size).map((chunk) => ({
    operation: "embed_batch",
    body: predictRequest(embedding, chunk),
    inputCount: chunk.length,
  }));
}

/** The rule of Google's own SDK for Vertex AI. */
function takesContent(model: string): boolean {
  return (model.includes("gemini") && model !== "gemini-embedding-001") || model.includes("maas");
}

function oneCall(body: JsonObject): EmbeddingCall {
  return { operation: "embed", body, inputCount: 1 };
}

function contentRequest(embedding: Embedding, input: EmbeddingInput): JsonObject {
  return { content: contentOf(input), ...settingsOf(embedding, input) };
}

function configRequest(embedding: Embedding, input: EmbeddingInput): JsonObject {
  const config = settingsOf(embedding, input);
  return {
    content: contentOf(input),
    ...(Object.keys(config).length > 0 && { embedContentConfig: config }),
  };
}

function settingsOf({ dimensions }: Embedding, { task, title, settings }: EmbeddingInput): JsonObject {
  return {
    ...settings,
    ...(task !== undefined && { taskType: task }),
    ...(title !== undefined && { title }),
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
  };
}

function predictRequest({ dimensions }: Embedding, inputs: readonly EmbeddingInput[]): JsonObject {
  const parameters = {
    ...inputs[0]?.settings,
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
  };
  return {
    instances: inputs.map((input) => ({
      content: textOf(input),
      ...(input.task !== undefined && { task_type: input.task }),
      ...(input.title !== undefined && { title: input.title }),
    })),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  };
}

function contentOf(input: EmbeddingInput): JsonObject {
  // Another API's object is not Gemini's content.
  if (input.type === "foreign" && input.value["parts"] !== undefined) return input.value;
  return { parts: [{ text: textOf(input) }] };
}

function textOf(input: EmbeddingInput): string {
  switch (input.type) {
    case "text":
      return input.text;
    case "tokens":
      throw unsupported(input, "This model's provider embeds text, not tokens of another vocabulary.");
    case "foreign":
      throw unsupported(input, "This model's provider embeds text only.");
  }
}

function unsupported(input: EmbeddingInput, message: string): Failure {
  return new Failure("unsupported", message, { param: input.path, code: "unsupported_value" });
}

function chunksOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
